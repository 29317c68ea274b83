"""Filters for lists as a whole. Those that look inside the items are in ``queries``."""

# ruff: noqa: ARG001  every filter takes the budget and JSON arguments, whether it needs them or not

from engine.errors import ExpressionError
from engine.expressions import operators
from engine.expressions.bounds import Budget
from engine.expressions.filters.arguments import Attribute, items, number, whole
from engine.expressions.filters.table import Table
from engine.expressions.lookup import cut
from engine.expressions.values import kind
from engine.model.base import Json

TABLE = Table("Lists")


@TABLE.add(
    "The first item of a list or character of a text; null if there is none.",
    ("[1, 2] | first", 1),
    ("[] | first", None),
)
def first(budget: Budget, value: Json) -> Json:
    _sequence(value, "first")
    return value[0] if value else None


@TABLE.add("The last item of a list or character of a text; null if there is none.", ("[1, 2] | last", 2))
def last(budget: Budget, value: Json) -> Json:
    _sequence(value, "last")
    return value[-1] if value else None


@TABLE.add("Turn a list or a text round.", ("[1, 2] | reverse", [2, 1]), ("'abc' | reverse", "cba"))
def reverse(budget: Budget, value: Json) -> Json:
    _sequence(value, "reverse")
    return cut(budget, value, (None, None, -1))


@TABLE.add(
    "Cut out the part from `start` up to, not including, `stop`; negative numbers count from the end.",
    ("[1, 2, 3, 4] | slice(1, 3)", [2, 3]),
    ("'hello' | slice(-3)", "llo"),
)
def slice_(budget: Budget, value: Json, start: Json, stop: Json = None) -> Json:
    _sequence(value, "slice")
    return cut(budget, value, (start, stop, None))


@TABLE.add("Add one item at the end.", ("[1] | append(2)", [1, 2]))
def append(budget: Budget, value: Json, item: Json) -> Json:
    known = items(value, "append")
    budget.make_items(len(known) + 1)
    return [*known, item]


@TABLE.add("Put lists together.", ("[1] | concat([2], [3])", [1, 2, 3]))
def concat(budget: Budget, value: Json, *others: Json) -> Json:
    parts = [items(part, "concat") for part in (value, *others) if part is not None]
    budget.make_items(sum(map(len, parts)))
    return [item for part in parts for item in part]


@TABLE.add("Leave out the items that are null.", ("[1, null, 2] | compact", [1, 2]))
def compact(budget: Budget, value: Json) -> Json:
    known = items(value, "compact")
    budget.make_items(len(known))
    return [item for item in known if item is not None]


@TABLE.add(
    "Put the items of inner lists in their place, `depth` levels deep (at most 10).",
    ("[1, [2, [3]]] | flatten", [1, 2, [3]]),
    ("[1, [2, [3]]] | flatten(2)", [1, 2, 3]),
)
def flatten(budget: Budget, value: Json, depth: Json = 1) -> Json:
    known = items(value, "flatten")
    for _ in range(whole(depth, "flatten", low=1, high=10)):
        budget.spend(150 * len(known))
        budget.make_items(sum(len(item) if isinstance(item, list) else 1 for item in known), each=40)
        known = [one for item in known for one in (item if isinstance(item, list) else (item,))]
    return known


@TABLE.add("Split into lists of `size` items.", ("[1, 2, 3] | chunk(2)", [[1, 2], [3]]))
def chunk(budget: Budget, value: Json, size: Json) -> Json:
    known, count = items(value, "chunk"), whole(size, "chunk", low=1)
    budget.make_items(len(known))
    budget.make_items(len(known) // count + 1, each=200)
    return [known[start : start + count] for start in range(0, len(known), count)]


@TABLE.add(
    "Add up numbers, or the numbers at an attribute of each item; null counts as 0.",
    ("[1, 2, 3.5] | sum", 6.5),
    ("[{'n': 1}, {'n': 2}] | sum('n')", 3),
)
def sum_(budget: Budget, value: Json, attribute: Json = None) -> Json:
    total: Json = 0
    for one in _numbers(budget, value, attribute, "sum"):
        total = operators.checked(total + one)
    return total


@TABLE.add("The mean of numbers, or of those at an attribute; null if there are none.", ("[1, 2, 6] | average", 3.0))
def average(budget: Budget, value: Json, attribute: Json = None) -> Json:
    numbers = _numbers(budget, value, attribute, "average")
    total = 0.0
    for one in numbers:
        total = operators.checked(total + one)
    return total / len(numbers) if numbers else None


@TABLE.add(
    "The smallest of numbers, or of those at an attribute; null if there are none.",
    ("[3, 1, 2] | min", 1),
    ("[{'n': 3}, {'n': 2}] | min('n')", 2),
)
def min_(budget: Budget, value: Json, attribute: Json = None) -> Json:
    return min(_numbers(budget, value, attribute, "min"), default=None)


@TABLE.add("The largest of numbers, or of those at an attribute; null if there are none.", ("[3, 1, 2] | max", 3))
def max_(budget: Budget, value: Json, attribute: Json = None) -> Json:
    return max(_numbers(budget, value, attribute, "max"), default=None)


def _numbers(budget: Budget, value: Json, attribute: Json, where: str) -> list[Json]:
    known, path = items(value, where), Attribute(attribute, where)
    budget.make_items(len(known), each=300 + path.cost)
    found = (path.of(item) for item in known)
    return [number(one, where) for one in found if one is not None]


def _sequence(value: Json, where: str) -> None:
    if kind(value) not in ("list", "text"):
        raise ExpressionError(f"{where} needs a list or a text, not {kind(value)}")
