"""The allow-list of tests: what may stand after ``is`` and ``is not``."""

# ruff: noqa: ARG001  every test takes the budget, whether it needs it or not

from collections.abc import Mapping
from types import MappingProxyType

from engine.errors import ExpressionError
from engine.expressions import operators
from engine.expressions.bounds import Budget
from engine.expressions.filters import arguments
from engine.expressions.filters.arguments import whole
from engine.expressions.filters.numbers import number as read_number
from engine.expressions.filters.table import FilterDoc, Table
from engine.expressions.values import kind
from engine.model.base import Json

_TABLE = Table("Tests", sign="is")
TESTS: Mapping[str, FilterDoc] = MappingProxyType(_TABLE.entries)


@_TABLE.add("It is there and not null. Never an error, even in a strict node.", ("trigger.nothing is defined", False))
def defined(budget: Budget, value: Json) -> bool:
    return value is not None


@_TABLE.add("The opposite of `defined`.", ("trigger.nothing is undefined", True))
def undefined(budget: Budget, value: Json) -> bool:
    return value is None


@_TABLE.add("It is null.", ("null is none", True))
def none(budget: Budget, value: Json) -> bool:
    return value is None


@_TABLE.add("It is a number.", ("1.5 is number", True), ("'1' is number", False))
def number(budget: Budget, value: Json) -> bool:
    return kind(value) == "number"


@_TABLE.add("It is a number without a fraction.", ("2.0 is integer", True), ("2.5 is integer", False))
def integer(budget: Budget, value: Json) -> bool:
    return kind(value) == "number" and (isinstance(value, int) or value.is_integer())


@_TABLE.add("It is a text.", ("'a' is string", True))
def string(budget: Budget, value: Json) -> bool:
    return kind(value) == "text"


@_TABLE.add("It is a text that `number` can read, or a number.", ("'12.5' is numeric", True), ("'' is numeric", False))
def numeric(budget: Budget, value: Json) -> bool:
    if isinstance(value, str):
        return read_number(budget, value, False) is not False
    return kind(value) == "number"


@_TABLE.add("It is a list.", ("[1] is list", True))
def list_(budget: Budget, value: Json) -> bool:
    return kind(value) == "list"


@_TABLE.add("The same as `list`.", ("[1] is sequence", True), ("'a' is sequence", False))
def sequence(budget: Budget, value: Json) -> bool:
    return kind(value) == "list"


@_TABLE.add("It is a mapping.", ("{} is mapping", True))
def mapping(budget: Budget, value: Json) -> bool:
    return kind(value) == "mapping"


@_TABLE.add("It is true or false.", ("true is boolean", True), ("1 is boolean", False))
def boolean(budget: Budget, value: Json) -> bool:
    return isinstance(value, bool)


@_TABLE.add("It is the boolean true.", ("true is true", True), ("1 is true", False))
def true(budget: Budget, value: Json) -> bool:
    return value is True


@_TABLE.add("It is the boolean false.", ("false is false", True), ("null is false", False))
def false(budget: Budget, value: Json) -> bool:
    return value is False


@_TABLE.add(
    "It is null, or a text, list or mapping with nothing in it.",
    ("'' is empty", True),
    ("null is empty", True),
    ("0 is empty", False),
)
def empty(budget: Budget, value: Json) -> bool:
    return value is None or (kind(value) in ("text", "list", "mapping") and not value)


@_TABLE.add("The same as the operator `in`.", ("'a' is in ['a', 'b']", True))
def in_(budget: Budget, value: Json, container: Json) -> bool:
    return operators.within(budget, value, container)


@_TABLE.add(
    "It holds the item, key or part.",
    ("['a', 'b'] is contains 'a'", True),
    ("'hello' is contains('ell')", True),
    ("null is contains 'a'", False),
)
def contains(budget: Budget, value: Json, item: Json) -> bool:
    return operators.within(budget, item, value)


@_TABLE.add(
    "It is a text that starts so.", ("'hello' is starting_with 'he'", True), ("null is starting_with 'a'", False)
)
def starting_with(budget: Budget, value: Json, start: Json) -> bool:
    budget.spend(len(arguments.text(start, "starting_with")))
    return isinstance(value, str) and value.startswith(start)


@_TABLE.add("It is a text that ends so.", ("'a.pdf' is ending_with '.pdf'", True))
def ending_with(budget: Budget, value: Json, end: Json) -> bool:
    budget.spend(len(arguments.text(end, "ending_with")))
    return isinstance(value, str) and value.endswith(end)


@_TABLE.add(
    "It is a text that fits the whole pattern, in which `*` stands for any characters.",
    ("'order-17.json' is matching 'order-*.json'", True),
    ("'order' is matching 'Order*'", False),
)
def matching(budget: Budget, value: Json, pattern: Json) -> bool:
    parts = arguments.text(pattern, "matching").split("*", 50)
    if len(parts) > 50:
        raise ExpressionError("matching takes at most 49 stars")
    if not isinstance(value, str):
        return False
    budget.search(len(value), len(pattern))
    if len(parts) == 1:
        return bool(value == pattern)
    if not value.startswith(parts[0]) or not value.endswith(parts[-1]):
        return False
    at, end = len(parts[0]), len(value) - len(parts[-1])
    for part in parts[1:-1]:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


@_TABLE.add("It is an even whole number.", ("4 is even", True))
def even(budget: Budget, value: Json) -> bool:
    return integer(budget, value) and value % 2 == 0


@_TABLE.add("It is an odd whole number.", ("3 is odd", True))
def odd(budget: Budget, value: Json) -> bool:
    return integer(budget, value) and value % 2 == 1


@_TABLE.add("It is a whole multiple.", ("9 is divisible_by 3", True))
def divisible_by(budget: Budget, value: Json, divisor: Json) -> bool:
    by = whole(divisor, "divisible_by", low=1)
    return integer(budget, value) and value % by == 0
