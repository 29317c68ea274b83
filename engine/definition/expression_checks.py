"""Checks of every expression and template: it compiles, and what it names exists and can already be known there."""

from collections.abc import Iterable
from typing import Final

from engine.definition.outline import Outline, reached
from engine.definition.report import FoundExpression, Path, Report, nearest
from engine.definition.shapes import Record
from engine.errors import ExpressionError
from engine.expressions import compile_expression, compile_template
from engine.model.base import Json
from engine.model.workflow import Merge

_BEFORE_START: Final = frozenset({"trigger", "workflow", "now"})
"""What the expressions of a trigger may name: there is no execution yet."""

_OF_TYPE: Final[dict[str, tuple[type, ...]]] = {
    "text": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "list": (list,),
    "mapping": (dict,),
}
_MERGEABLE: Final = {
    Merge.ADD: ("any", "number", "integer"),
    Merge.APPEND: ("any", "list"),
    Merge.UNION: ("any", "list"),
}


def check_expressions(graph: Outline, report: Report) -> None:
    """Report every expression that does not compile, and every name in one that cannot be there."""
    ancestors: dict[str, set[str]] = {}
    for found in report.expressions:
        try:
            compiled = compile_expression(found.text) if found.bare else compile_template(found.text)
        except ExpressionError as error:
            report.wrong(found.at, str(error))
            continue
        section, key = (str(part) for part in found.at[:2])
        if section == "triggers":
            _check_trigger_scope(found, compiled.references, report)
            continue
        if key not in ancestors:
            ancestors[key] = reached(graph.before.get(key, ()), graph.before)
        for reference in sorted(compiled.references):
            _check_reference(reference, found.at, graph, earlier=ancestors[key], report=report)


def check_variables(graph: Outline, report: Report) -> None:
    """Report defaults that are not of their type, merges that cannot work, and assignments to nothing."""
    for key, record in graph.record.get("variables", {}).items():
        _check_variable(key, record, report)
    for key, record in graph.records.items():
        for name in record.get("assign", {}):
            if name not in _variables(graph):
                text = f'"{name}" is not a declared variable'
                fix = nearest(name, _variables(graph)) or f"add it to variables: {name}: {{}}"
                report.wrong(("nodes", key, "assign", name), text, fix=fix, key=True)


def _check_trigger_scope(found: FoundExpression, references: Iterable[str], report: Report) -> None:
    for root in sorted({reference.partition(".")[0] for reference in references}):
        if root not in _BEFORE_START:
            text = f'"{root}" is not known yet where a trigger looks at an event'
            report.wrong(found.at, text, fix="use trigger, workflow or now")


def _check_reference(reference: str, at: Path, graph: Outline, *, earlier: set[str], report: Report) -> None:
    root, _, name = reference.partition(".")
    if root in ("item", "index"):
        report.wrong(at, f'"{root}" has a value only inside a loop', fix="loops are not yet available in this release")
    elif root == "vars" and name and name not in _variables(graph):
        fix = nearest(name, _variables(graph)) or "declare it in variables"
        report.wrong(at, f'there is no variable "{name}"', fix=fix)
    elif root == "steps" and name and name not in graph.before:
        report.wrong(at, f'there is no step "{name}"', fix=nearest(name, graph.keys))
    elif root == "steps" and name and name not in earlier and not (name == at[1] and at[2] == "assign"):
        what = "itself" if name == at[1] else f'"{name}"'
        text = f'the step "{at[1]}" refers to {what}, which can never have run before it'
        report.wrong(at, text, fix=_earlier_fix(graph, earlier))


def _earlier_fix(graph: Outline, earlier: set[str]) -> str:
    names = [key for key in graph.keys if key in earlier]
    return "before it can run: " + ", ".join(names[:12]) if names else "no step runs before it; add an edge"


def _variables(graph: Outline) -> list[str]:
    written = graph.document.get("variables")
    return list(written) if isinstance(written, dict) else []


def _check_variable(key: str, record: Record, report: Report) -> None:
    kind, merge = record.get("type"), record.get("merge")
    if kind is None:
        return
    if not _is_of_type(record.get("default"), kind):
        report.wrong(
            ("variables", key, "default"), f"the default is not of the type {kind}", fix="change one of the two"
        )
    if merge in _MERGEABLE and kind not in _MERGEABLE[Merge(merge)]:
        known = " or ".join(_MERGEABLE[Merge(merge)][1:])
        text = f"merge: {merge} needs the type {known}, this is {kind}"
        report.wrong(("variables", key, "merge"), text)


def _is_of_type(value: Json, kind: str) -> bool:
    if value is None or kind == "any":
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _OF_TYPE[kind])
