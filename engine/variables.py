"""Assignments to an execution's variables: rendered after a step succeeded, checked against the declared types."""

from collections.abc import Callable

from engine.errors import InvalidInput
from engine.flow import CompiledNode
from engine.graph import Graph
from engine.model.base import Json, JsonObject
from engine.model.workflow import Variable

_CHECKS: dict[str, Callable[[Json], bool]] = {
    "any": lambda _: True,
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "mapping": lambda value: isinstance(value, dict),
}


def assigned_by(node: CompiledNode, graph: Graph, scope: JsonObject, output: Json) -> JsonObject | None:
    """Render a node's ``assign``; its own output is in ``steps`` already. ``None``: it assigns nothing.

    With ``merge: append`` or ``union`` the declared type is that of the whole, so a part may have any type.

    Raises:
        ExpressionError: A template fails.
        InvalidInput: A value is not of its variable's type.
    """
    if node.assign is None:
        return None
    inside = {**scope, "steps": {**scope["steps"], node.key: output}}
    values = node.assign.render(inside, strict=node.node.strict)
    for name, value in values.items():
        variable = graph.variables[name]
        problem = why_unfit(name, variable, value) if variable.merge in ("last", "add") else ""
        if problem:
            raise InvalidInput(problem)
    return dict(values)


def why_unfit(name: str, variable: Variable, value: Json) -> str:
    """Say why a value cannot be a variable's; empty if it can. Null always can."""
    if value is None or _CHECKS[variable.type](value):
        return ""
    return f'the variable "{name}" is declared as {variable.type}, but was assigned {value!r:.80}'
