"""Dots, indexes and slices: they look up mapping keys and list indexes, and never a Python attribute.

``find`` answers null for what is not there; ``require`` is its strict twin. Both take the path as it stands
in the expression, for the message.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from engine.errors import ExpressionError
from engine.expressions.bounds import Budget
from engine.expressions.values import kind
from engine.model.base import Json

Lookup: TypeAlias = Callable[[Json, Json, str], Json]


def find(value: Json, key: Json, path: str) -> Json:  # noqa: ARG001  the twin of `require` below
    """Return what ``key`` names inside ``value``, or null."""
    if type(value) is dict and type(key) is str:
        return value.get(key)
    found = _find(value, key)
    return None if found is _NOTHING else found


def require(value: Json, key: Json, path: str) -> Json:
    """Return what ``key`` names inside ``value``.

    Raises:
        ExpressionError: There is nothing of that name; the message names the path.
    """
    found = _find(value, key)
    if found is _NOTHING:
        raise ExpressionError(f'"{path}" is missing, and the node is strict')
    return found


def cut(budget: Budget, value: Json, bounds: tuple[Json, Json, Json]) -> Json:
    """Return a part of a list or a text; start, stop and step may be null or negative, as in ``[-3:]``."""
    if value is None:
        return None
    if not isinstance(value, str | list | tuple):
        raise ExpressionError(f"only lists and texts have parts to cut out, not {kind(value)}")
    for bound in bounds:
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int)):
            raise ExpressionError(f"the bounds of a part must be whole numbers, not {kind(bound)}")
    if bounds[2] == 0:
        raise ExpressionError("the step of a part must not be 0")
    part = slice(*bounds)
    count = len(range(*part.indices(len(value))))
    if isinstance(value, str):
        budget.make_text(count)
        return value[part]
    budget.make_items(count)
    return list(value[part])


def pluck(value: Json, path: list[str]) -> Json:
    """Follow the parts of a dotted attribute, ``customer.name`` or ``lines.0``, as filters take it."""
    for part in path:
        if isinstance(value, list | tuple) and part.removeprefix("-").isdecimal() and len(part) < 8:
            value = find(value, int(part), "")
        else:
            value = find(value, part, "")
    return value


def _find(value: Json, key: Json) -> Json:
    if isinstance(value, Mapping):
        return value.get(key, _NOTHING) if isinstance(key, str) else _NOTHING
    if isinstance(key, int) and not isinstance(key, bool) and isinstance(value, list | tuple | str):
        return value[key] if -len(value) <= key < len(value) else _NOTHING
    return _NOTHING


_NOTHING = object()
