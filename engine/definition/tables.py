"""The tables of docs/reference/workflow-format.md, made from the format's data.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; whatever is between them is written here.
"""

import json
import re
from collections.abc import Iterable
from typing import Final

from engine.definition import format_admission, format_nodes, format_steps, format_triggers
from engine.definition.format import SETTINGS, VARIABLE, WORKFLOW
from engine.definition.shapes import Either, Field, Kinds

_TABLE: Final = re.compile(r"(<!-- table: (?P<name>[a-z._]+) -->\n)[^<]*(<!-- end -->)")


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
        "trigger": format_triggers.COMMON,
        "verify": _fields(format_triggers.VERIFY),
        "respond": _fields(format_triggers.RESPOND),
        "dedupe": format_triggers.DEDUPE.fields,
        **_kinds(format_nodes.NODES),
        **_kinds(format_triggers.TRIGGERS),
    }
    return {name: table(fields) for name, fields in sections.items()}


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
    known = tables()
    return _TABLE.sub(lambda found: f"{found[1]}{known[found['name']]}{found[3]}", text)


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
