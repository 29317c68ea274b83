"""What the language knows about JSON values: their kinds, truth, sameness, and how they read as text."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import ExpressionError
from engine.expressions.bounds import CONTAINER, Budget
from engine.model.base import Json

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "text",
    list: "list",
    dict: "mapping",
}
_ABSENT = object()
_SHAPES = _KINDS | {float: "float"}
_NODE = 350  # units for visiting one value and writing it as JSON
_KEY = 200  # units for one key of a mapping, on top of its value
_WRITER = 3_000  # units for setting up the JSON writer
_PAIR = 600  # units for comparing one pair of values
_SCALAR = 150  # units for the identity of one scalar
FLOAT = 900  # units for writing one number with a fraction


def kind(value: Json) -> str:
    """Name the kind of a value as error messages and ``type_of`` do."""
    known = _KINDS.get(type(value))
    if known is not None:
        return known
    for base, name in (
        (str, "text"),
        (int, "number"),
        (float, "number"),
        ((list, tuple), "list"),
        (Mapping, "mapping"),
    ):
        if isinstance(value, base):
            return name
    return f"{type(value).__name__} (not JSON)"


def truthy(value: Json) -> bool:
    """Say whether ``if``, ``when``, ``while``, ``filter``, ``and``, ``or`` and ``not`` count a value as true.

    ``null``, ``false``, ``0``, ``""``, ``[]`` and ``{}`` are false; everything else is true, the text
    ``"false"`` included.
    """
    return bool(value)


def to_text(budget: Budget, value: Json) -> str:
    """Write a value as it reads inside a text: ``null`` as nothing, containers as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        budget.spend(FLOAT if isinstance(value, float) else _SCALAR)
        return number_text(value)
    return to_json(budget, value)


def number_text(value: float) -> str:
    """Write a number in its shortest exact form: ``50``, not ``50.0``."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError("the number is infinite or not a number, which JSON cannot hold")
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else float.__repr__(value)
    try:
        return int.__repr__(value)
    except ValueError:
        raise ExpressionError("the integer has too many digits to be written as text") from None


def weigh(budget: Budget, value: Json) -> int:
    """Return about how many characters ``value`` takes as JSON, and pay for visiting and writing all of it.

    Shared parts count each time they appear, and the budget ends the visit, so that neither a structure that
    contains itself nor one that shares its parts can keep it busy.
    """
    characters, stack = 0, [value]
    while stack:
        one = stack.pop()
        shape = _SHAPES.get(type(one)) or kind(one)
        if shape == "text":
            budget.spend(_NODE + (len(one) >> 2))
            characters += len(one) + 2
        elif shape == "list":
            budget.spend(_NODE + 8 * len(one))
            characters += len(one) + 2
            stack.extend(one)
        elif shape == "mapping":
            budget.spend(_NODE + _KEY * len(one))
            characters += sum(map(_key_length, one)) + 4 * len(one) + 2
            stack.extend(one.values())
        elif shape == "float":
            budget.spend(FLOAT)
            characters += 3
        else:
            budget.spend(_NODE)
            characters += one.bit_length() // 4 + 1 if isinstance(one, int) else 3
    return characters


def to_json(budget: Budget, value: Json, *, sort_keys: bool = False) -> str:
    """Write compact JSON; bounded like every text that is made."""
    budget.spend(_WRITER)
    length = weigh(budget, value)
    budget.make_text(length)
    try:
        text = (_SORTED if sort_keys else _PLAIN).encode(value)
    except RecursionError:
        raise ExpressionError("the value is nested too deeply to be written as JSON") from None
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"the value cannot be written as JSON: {str(error)[:100]}") from None
    budget.make_text(max(0, len(text) - length))
    return text


def same(budget: Budget, left: Json, right: Json) -> bool:
    """Compare as JSON does: ``1`` equals ``1.0``, ``true`` does not equal ``1``, order of keys is no matter."""
    stack: list[Iterator[tuple[Json, Json]]] = [iter(((left, right),))]
    while stack:
        pair = next(stack[-1], None)
        if pair is None:
            stack.pop()
            continue
        one, other = pair
        budget.spend(_PAIR)
        if one is other:
            continue
        what = kind(one)
        if what != kind(other):
            return False
        if what in ("list", "mapping"):
            if len(one) != len(other):
                return False
            budget.spend(CONTAINER)
            stack.append(zip(one, other, strict=True) if what == "list" else _paired(one, other))
            continue
        budget.spend(len(one) >> 2 if what == "text" else 0)
        if one != other:
            return False
    return True


def _paired(one: Mapping[str, Json], other: Mapping[str, Json]) -> Iterator[tuple[Json, Json]]:
    return ((value, other.get(key, _ABSENT)) for key, value in one.items())


def identity(budget: Budget, value: Json) -> str:
    """Return a text that two values share exactly when they are the same.

    Grouping hashes these texts and never numbers: Python's hash of a number is public, so a sender could
    choose thousands that collide, while hashes of texts are salted.
    """
    budget.spend(_SCALAR)
    if isinstance(value, str):
        return '"' + value
    if value is None or isinstance(value, bool | int | float):
        return to_text(budget, value) if value is not None else "null"
    return to_json(budget, value, sort_keys=True)


def _key_length(key: object) -> int:
    return len(key) if isinstance(key, str) else 8


def _as_dict(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _encoder(*, sort_keys: bool) -> json.JSONEncoder:
    return json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys, default=_as_dict
    )


_PLAIN = _encoder(sort_keys=False)
_SORTED = _encoder(sort_keys=True)
