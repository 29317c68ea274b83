"""Checks of every expression and template: it compiles, and what it names exists and can already be known there."""

from collections.abc import Iterable, Mapping
from typing import Final

from engine.definition.outline import Outline
from engine.definition.places import nodes_on
from engine.definition.report import FoundExpression, Path, Report, nearest
from engine.definition.shapes import Record
from engine.definition.surroundings import Surroundings, surroundings, variables
from engine.errors import ExpressionError
from engine.expressions import compile_expression, compile_template
from engine.model.base import Json
from engine.model.workflow import Merge

_BEFORE_START: Final = frozenset({"trigger", "workflow", "now"})
"""What the expressions of triggers and settings may name: there is no execution yet."""

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


def check_expressions(graphs: Mapping[Path, Outline], report: Report) -> None:
    """Report every expression that does not compile, and every name in one that cannot be there."""
    known: dict[Path, Surroundings] = {}
    for found in report.expressions:
        nodes = nodes_on(found.at)
        around = None
        if nodes:
            around = known.get(nodes[-1].at) or known.setdefault(nodes[-1].at, surroundings(graphs, nodes))
            around = around.at_field(found.at[len(nodes[-1].at) :])
        names = around.names if around else frozenset()
        try:
            compiled = (compile_expression if found.bare else compile_template)(found.text, names=names)
        except ExpressionError as error:
            report.wrong(found.at, str(error))
            continue
        if around is None:
            _check_trigger_scope(found, compiled.references, report)
            continue
        for reference in sorted(compiled.references):
            _check_reference(reference, found.at, around, report=report)


def check_variables(graphs: Mapping[Path, Outline], report: Report) -> None:
    """Report defaults that are not of their type, merges that cannot work, and assignments to nothing."""
    for key, record in graphs[()].record.get("variables", {}).items():
        _check_variable(key, record, report)
    known = variables(graphs[()])
    for at, graph in graphs.items():
        for key, record in graph.records.items():
            for name in record.get("assign", {}):
                if name not in known:
                    text = f'"{name}" is not a declared variable'
                    fix = nearest(name, known) or f"add it to variables: {name}: {{}}"
                    report.wrong((*at, "nodes", key, "assign", name), text, fix=fix, key=True)


def _check_trigger_scope(found: FoundExpression, references: Iterable[str], report: Report) -> None:
    for root in sorted({reference.partition(".")[0] for reference in references}):
        if root not in _BEFORE_START:
            text = f'"{root}" is not known yet where an event is looked at, before an execution begins'
            report.wrong(found.at, text, fix="use trigger, workflow or now")


def _check_reference(reference: str, at: Path, around: Surroundings, *, report: Report) -> None:
    root, _, name = reference.partition(".")
    if root in ("item", "index") and root not in around.names:
        report.wrong(at, f'"{root}" has a value only inside a loop', fix="put the node into the body of a loop")
    elif root == "vars" and name and name not in around.variables:
        fix = nearest(name, around.variables) or "declare it in variables"
        report.wrong(at, f'there is no variable "{name}"', fix=fix)
    elif root == "steps" and name and name not in around.visible:
        report.wrong(at, f'there is no step "{name}"', fix=around.hint(name) or nearest(name, around.visible))
    elif root == "steps" and name and name not in around.earlier:
        what = "itself" if name == around.key else f'"{name}"'
        text = f'the step "{around.key}" refers to {what}, which can never have run before it'
        report.wrong(at, text, fix=_earlier_fix(around))


def _earlier_fix(around: Surroundings) -> str:
    names = [key for key in around.visible if key in around.earlier]
    return "before it can run: " + ", ".join(names[:12]) if names else "no step runs before it; add an edge"


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
