"""The tables of docs/reference/workflow-format.md and nodes.md, made from the format's data.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``, all that is known of a kind of node after
``<!-- kind: NAME -->``; whatever is between them is written here.
"""

import json
import re
from collections.abc import Iterable
from typing import Final

from engine.definition import format_admission, format_approval, format_nodes, format_steps, format_triggers
from engine.definition.format import SETTINGS, VARIABLE, WORKFLOW
from engine.definition.kinds import KINDS, KindFacts
from engine.definition.shapes import Either, Field, Kinds, Section
from engine.model.node import NodeKind

PAGES: Final = ("docs/reference/workflow-format.md", "docs/reference/nodes.md")
_PART: Final = re.compile(r"(<!-- (?P<what>table|kind): (?P<name>[a-z._]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def tables() -> dict[str, str]:
    """Return every table by its name."""
    sections: dict[str, Iterable[Field]] = {
        "workflow": WORKFLOW.fields,
        "variable": VARIABLE.fields,
        "settings": SETTINGS.fields,
        **format_admission.tables(),
        "node": format_nodes.COMMON,
        "retry": format_nodes.RETRY.fields,
        "cache": format_nodes.CACHE.fields,
        "case": format_nodes.CASE.fields,
        "limits": format_nodes.LIMITS.fields,
        "step": format_steps.FIELDS,
        "undo": format_nodes.UNDO.fields,
        "field": format_approval.FIELD.fields,
        "trigger": format_triggers.COMMON,
        "verify": _fields(format_triggers.VERIFY),
        "respond": _fields(format_triggers.RESPOND),
        "dedupe": format_triggers.DEDUPE.fields,
        **_kinds(format_triggers.TRIGGERS),
    }
    return {"kinds": _kind_table(), **{name: table(fields) for name, fields in sections.items()}}


def kinds() -> dict[str, str]:
    """Return what is known of each kind of node, by its name."""
    return {name: _about(section, KINDS[NodeKind(name)]) for name, section in format_nodes.NODES.kinds.items()}


def table(fields: Iterable[Field]) -> str:
    """Return a Markdown table with a row per field."""
    rows = ["| field | value | default | meaning |", "|---|---|---|---|"]
    rows += [f"| `{each.name}` | {each.type.label} | {_default(each)} | {_cell(each.doc)} |" for each in fields]
    return "\n".join(rows) + "\n"


def fill(text: str) -> str:
    """Return a page with its tables as they should be.

    Raises:
        KeyError: The page asks for a table that there is not.
    """
    known = {"table": tables(), "kind": kinds()}
    return _PART.sub(lambda found: f"{found[1]}{known[found['what']][found['name']]}{found[4]}", text)


def _kind_table() -> str:
    rows = ["| type | what it is for | ports | output |", "|---|---|---|---|"]
    for name, section in format_nodes.NODES.kinds.items():
        facts = KINDS[NodeKind(name)]
        rows.append(f"| [`{name}`](#{name}) | {section.doc} | {facts.ports} | {facts.output} |")
    return "\n".join(rows) + "\n"


def _about(section: Section, facts: KindFacts) -> str:
    """One kind in a few lines, and its fields."""
    special = {each.name for each in section.fields}
    absent = [name for name in section.without if name in {each.name for each in format_nodes.COMMON} - special]
    lines = [
        section.doc,
        "",
        f"- **Ports:** {facts.ports}.",
        f"- **Output:** {facts.output}.",
        f"- **Effect:** {facts.runs}.",
    ]
    if facts.fails:
        lines.append("- **Fails with:** " + "; ".join(f"`{code}`: {when}" for code, when in facts.fails.items()) + ".")
    if section.exactly_one:
        lines.append("- **Needs exactly one of** " + ", ".join(f"`{name}`" for name in section.exactly_one) + ".")
    if absent:
        lines.append("- **Without** " + ", ".join(f"`{name}`" for name in absent) + ".")
    return "\n".join([*lines, "", table(section.fields)])


def _kinds(kinds: Kinds) -> dict[str, Iterable[Field]]:
    return {f"{kinds.noun}.{kind}": section.fields for kind, section in kinds.kinds.items()}


def _fields(either: Either) -> tuple[Field, ...]:
    return either.section.fields


def _default(each: Field) -> str:
    if each.required:
        return "required"
    if each.default is None:
        return ""
    written = each.default if isinstance(each.default, str) else json.dumps(each.default)
    return f"`{written}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
