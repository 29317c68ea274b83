"""The operators. Each checks the kinds and the size of what it is given before it computes."""

import math
from collections.abc import Mapping

from engine.errors import ExpressionError
from engine.expressions.bounds import MAX_INTEGER, Budget
from engine.expressions.values import kind, same, to_text
from engine.model.base import Json

_NUMBERS = frozenset({int, float})
_DIGITS = math.log10(MAX_INTEGER)


def checked(value: Json) -> Json:
    """Let a computed number through if JSON can hold it and it stays within the bound of integers."""
    if type(value) is int:
        if -MAX_INTEGER <= value <= MAX_INTEGER:
            return value
        raise ExpressionError("the result is beyond the bound of integers, 10**30")
    if type(value) is float and math.isfinite(value):
        return value
    raise ExpressionError("the result is infinite or not a real number, which JSON cannot hold")


def add(budget: Budget, left: Json, right: Json) -> Json:
    """Numbers are added, texts and lists put together."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return checked(left + right)
    if isinstance(left, str) and isinstance(right, str):
        budget.make_text(len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        budget.make_items(len(left) + len(right))
        return left + right
    raise _mismatch("+", left, right, "to put values together as text, write ~")


def subtract(left: Json, right: Json) -> Json:
    """Subtract two numbers."""
    _numbers("-", left, right)
    return checked(left - right)


def multiply(budget: Budget, left: Json, right: Json) -> Json:
    """Multiply two numbers, or repeat a text or a list."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return checked(_small(left) * _small(right))
    if type(left) is int:
        left, right = right, left
    if type(right) is int and isinstance(left, str):
        budget.make_text(len(left) * max(0, right))
        return left * right
    if type(right) is int and isinstance(left, list):
        budget.make_items(len(left) * max(0, right))
        return left * right
    raise _mismatch("*", left, right)


def divide(left: Json, right: Json) -> Json:
    """Divide; the result of ``/`` is a number with a fraction, if only ``.0``."""
    _divisor("/", left, right)
    return checked(left / right)


def floor_divide(left: Json, right: Json) -> Json:
    """Divide and round down."""
    _divisor("//", left, right)
    return checked(left // right)


def remainder(left: Json, right: Json) -> Json:
    """What is left after ``//``; it has the sign of the divisor."""
    _divisor("%", left, right)
    return checked(left % right)


def power(left: Json, right: Json) -> Json:
    """Raise to a power, unless the result has more than 30 digits."""
    _numbers("**", left, right)
    _small(left)
    _small(right)
    if type(left) is int and type(right) is int and right > 0 and abs(left) > 1:
        if right * math.log10(abs(left)) > _DIGITS + 0.001:
            raise ExpressionError("the result of ** is beyond the bound of integers, 10**30")
    elif left == 0 and right < 0:
        raise ExpressionError("0 cannot be raised to a negative power")
    return checked(left**right)


def negate(value: Json) -> Json:
    """Change the sign."""
    _numbers("-", 0, value)
    return checked(-value)


def keep_sign(value: Json) -> Json:
    """Unary plus: the number itself."""
    _numbers("+", 0, value)
    return value


def concatenate(budget: Budget, *parts: Json) -> str:
    """``~``: put values together as text."""
    texts = [to_text(budget, part) for part in parts]
    budget.make_text(sum(map(len, texts)))
    return "".join(texts)


def equal(budget: Budget, left: Json, right: Json) -> bool:
    """``==`` works for all kinds; values of different kinds are never equal."""
    if left is None or right is None:
        return left is right
    what = type(left)
    if what is type(right) and (what is int or what is float or (what is str and len(left) < 10_000)):
        return bool(left == right)
    return same(budget, left, right)


def greater(budget: Budget, left: Json, right: Json) -> bool:
    """``>`` between two numbers or two texts."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left > right)
    _texts(budget, ">", left, right)
    return bool(left > right)


def greater_or_equal(budget: Budget, left: Json, right: Json) -> bool:
    """``>=`` between two numbers or two texts."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left >= right)
    _texts(budget, ">=", left, right)
    return bool(left >= right)


def less(budget: Budget, left: Json, right: Json) -> bool:
    """``<`` between two numbers or two texts."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left < right)
    _texts(budget, "<", left, right)
    return bool(left < right)


def less_or_equal(budget: Budget, left: Json, right: Json) -> bool:
    """``<=`` between two numbers or two texts."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return bool(left <= right)
    _texts(budget, "<=", left, right)
    return bool(left <= right)


def within(budget: Budget, item: Json, container: Json) -> bool:
    """``in``: an item of a list, a key of a mapping, a part of a text. Nothing is in null."""
    if container is None:
        return False
    if isinstance(container, str):
        if not isinstance(item, str):
            raise _mismatch("in", item, container, "only text can be part of a text")
        budget.search(len(container), len(item))
        return item in container
    if isinstance(container, Mapping):
        return isinstance(item, str) and item in container
    if isinstance(container, list | tuple):
        if item is None or isinstance(item, str):
            budget.spend((ITEM_COMPARED + (len(item) >> 3 if item else 0)) * len(container))
            return item in container
        return any(same(budget, item, one) for one in container)
    raise _mismatch("in", item, container)


def not_within(budget: Budget, item: Json, container: Json) -> bool:
    """``not in``."""
    return not within(budget, item, container)


def not_equal(budget: Budget, left: Json, right: Json) -> bool:
    """``!=``."""
    return not equal(budget, left, right)


COMPARISONS = {
    "eq": equal,
    "ne": not_equal,
    "gt": greater,
    "gteq": greater_or_equal,
    "lt": less,
    "lteq": less_or_equal,
    "in": within,
    "notin": not_within,
}
ITEM_COMPARED = 40


def chain(budget: Budget, first: Json, *rest: tuple[str, Json]) -> bool:
    """``1 < a < 10``: true if each neighbouring pair compares as written."""
    for name, second in rest:
        if not COMPARISONS[name](budget, first, second):
            return False
        first = second
    return True


def _numbers(sign: str, left: Json, right: Json) -> None:
    if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
        raise _mismatch(sign, left, right)


def _divisor(sign: str, left: Json, right: Json) -> None:
    _numbers(sign, left, right)
    _small(left)
    _small(right)
    if right == 0:
        raise ExpressionError(f'division by zero in "{sign}"')


def _small(value: Json) -> Json:
    if type(value) is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ExpressionError("an integer is beyond the bound of integers, 10**30")
    return value


def _texts(budget: Budget, sign: str, left: Json, right: Json) -> None:
    if isinstance(left, str) and isinstance(right, str):
        budget.spend(min(len(left), len(right)))
        return
    if kind(left) != "number" or kind(right) != "number":
        raise ExpressionError(
            f'cannot compare {kind(left)} with {kind(right)} in "{sign}"; '
            "both must be numbers or both texts, so convert one or give it a default"
        )


def _mismatch(sign: str, left: Json, right: Json, fix: str = "") -> ExpressionError:
    hint = f"; {fix}" if fix else "; check that the value is there, or give it a default"
    return ExpressionError(f'"{sign}" cannot take {kind(left)} and {kind(right)}{hint}')


def mapping(*parts: Json) -> dict[str, Json]:
    """``{key: value}`` from alternating keys and values; a key must be text, a later one wins."""
    for key in parts[::2]:
        if not isinstance(key, str):
            raise ExpressionError(f"the key of a mapping must be text, not {kind(key)}")
    return dict(zip(parts[::2], parts[1::2], strict=True))
