"""Filters that look inside the items of a list. An attribute is a dotted path, ``customer.name``."""

# ruff: noqa: FBT002  every filter takes the budget and JSON arguments, whether it needs them or not

from engine.errors import ExpressionError
from engine.expressions import operators
from engine.expressions.bounds import CONTAINER, Budget
from engine.expressions.filters.arguments import Attribute, items, text
from engine.expressions.filters.table import Table
from engine.expressions.values import identity, kind, to_text, truthy
from engine.model.base import Json

TABLE = Table("Lists of mappings")
_SIGNS = {
    "==": operators.equal,
    "!=": operators.not_equal,
    ">": operators.greater,
    ">=": operators.greater_or_equal,
    "<": operators.less,
    "<=": operators.less_or_equal,
    "in": operators.within,
}
_KEYED = 300  # units for hashing one item, on top of what its key costs


@TABLE.add(
    "Take one attribute of each item; null where it is missing.",
    ("[{'id': 1}, {'id': 2}, {}] | map('id')", [1, 2, None]),
    ("[{'a': {'b': 1}}] | map('a.b')", [1]),
)
def map_(budget: Budget, value: Json, attribute: Json) -> Json:
    known, path = items(value, "map"), Attribute(text(attribute, "map"), "map")
    budget.make_items(len(known), each=path.cost)
    return [path.of(item) for item in known]


@TABLE.add(
    "Keep the items whose attribute is true; equals a value; or compares to one "
    "(`==`, `!=`, `>`, `>=`, `<`, `<=`, `in`). A missing attribute compares to nothing but null.",
    ("[{'id': 1, 'on': true}, {'id': 2}] | where('on') | map('id')", [1]),
    ("[{'id': 1}, {'id': 2}] | where('id', 2)", [{"id": 2}]),
    ("[{'n': 5}, {'n': 50}, {}] | where('n', '>', 10)", [{"n": 50}]),
)
def where(budget: Budget, value: Json, attribute: Json, *condition: Json) -> Json:
    return _chosen(budget, value, attribute, condition, keep=True)


@TABLE.add(
    "Leave out the items that `where` would keep.",
    ("[{'id': 1}, {'id': 2}] | reject('id', 2)", [{"id": 1}]),
)
def reject(budget: Budget, value: Json, attribute: Json, *condition: Json) -> Json:
    return _chosen(budget, value, attribute, condition, keep=False)


@TABLE.add(
    "Sort numbers or texts, or items by an attribute that is one; null comes last, equal items keep their order.",
    ("[3, 1, 2] | sort", [1, 2, 3]),
    ("['b', 'a'] | sort(descending=true)", ["b", "a"]),
    ("[{'n': 2}, {'n': 1}] | sort('n')", [{"n": 1}, {"n": 2}]),
)
def sort(budget: Budget, value: Json, attribute: Json = None, descending: Json = False) -> Json:
    known, path = items(value, "sort"), Attribute(attribute, "sort")
    budget.make_items(len(known), each=path.cost + 250)
    keyed = [(path.of(item), item) for item in known]
    present = [pair for pair in keyed if pair[0] is not None]
    kinds = {kind(key) for key, _ in present}
    if len(kinds) > 1 or not kinds <= {"number", "text"}:
        raise ExpressionError(f"sort needs numbers only or texts only, not {' and '.join(sorted(kinds))}")
    characters = sum(len(key) for key, _ in present) if kinds == {"text"} else 0
    budget.spend((20 * len(present) + characters) * len(present).bit_length())
    present.sort(key=_key, reverse=truthy(descending))
    return [item for _, item in present] + [item for key, item in keyed if key is None]


@TABLE.add(
    "Leave out items, or items with an attribute, that came before.",
    ("[1, 2, 1.0, '1'] | unique", [1, 2, "1"]),
    ("[{'id': 1, 'n': 1}, {'id': 1, 'n': 2}] | unique('id')", [{"id": 1, "n": 1}]),
)
def unique(budget: Budget, value: Json, attribute: Json = None) -> Json:
    known, path = items(value, "unique"), Attribute(attribute, "unique")
    budget.make_items(len(known), each=path.cost + _KEYED)
    seen: dict[str, Json] = {}
    for item in known:
        key = identity(budget, path.of(item))
        budget.spend(len(key))
        seen.setdefault(key, item)
    return list(seen.values())


@TABLE.add(
    "Make a mapping from each value of an attribute, as text, to the list of items that have it.",
    (
        "[{'t': 'a', 'n': 1}, {'t': 'b', 'n': 2}, {'t': 'a', 'n': 3}] | group_by('t')",
        {"a": [{"t": "a", "n": 1}, {"t": "a", "n": 3}], "b": [{"t": "b", "n": 2}]},
    ),
)
def group_by(budget: Budget, value: Json, attribute: Json) -> Json:
    known, path = items(value, "group_by"), Attribute(text(attribute, "group_by"), "group_by")
    budget.make_items(len(known), each=path.cost + _KEYED)
    groups: dict[str, list[Json]] = {}
    for item in known:
        key = group_key(budget, path.of(item), "group_by")
        if key not in groups:
            budget.spend(CONTAINER)
            groups[key] = []
        groups[key].append(item)
    return groups


@TABLE.add(
    "Make a mapping from each value of an attribute, as text, to the last item that has it.",
    ("[{'id': 7, 'n': 1}] | key_by('id')", {"7": {"id": 7, "n": 1}}),
)
def key_by(budget: Budget, value: Json, attribute: Json) -> Json:
    known, path = items(value, "key_by"), Attribute(text(attribute, "key_by"), "key_by")
    budget.make_items(len(known), each=path.cost + _KEYED)
    return {group_key(budget, path.of(item), "key_by"): item for item in known}


def group_key(budget: Budget, value: Json, where: str) -> str:
    """Return what groups by a value: its text. Raises ExpressionError for what has no plain text."""
    if kind(value) not in ("text", "number", "boolean", "null"):
        raise ExpressionError(f"{where} needs attributes that are texts, numbers, booleans or null, not {kind(value)}")
    key = "null" if value is None else to_text(budget, value)
    budget.spend(100 + len(key))
    return key


def _chosen(budget: Budget, value: Json, attribute: Json, condition: tuple[Json, ...], *, keep: bool) -> list[Json]:
    name = "where" if keep else "reject"
    known, path = items(value, name), Attribute(text(attribute, name), name)
    sign, wanted = _condition(condition, name)
    budget.make_items(len(known), each=path.cost + 250)
    chosen = []
    for item in known:
        found = path.of(item)
        if sign is None:
            holds = truthy(found)
        elif found is None and sign not in ("==", "!="):
            holds = False
        else:
            holds = _SIGNS[sign](budget, found, wanted)
        if holds is keep:
            chosen.append(item)
    return chosen


def _condition(condition: tuple[Json, ...], where: str) -> tuple[str | None, Json]:
    if not condition:
        return None, None
    if len(condition) == 1:
        return "==", condition[0]
    sign, wanted = condition[:2]
    if len(condition) > 2 or not isinstance(sign, str) or sign not in _SIGNS:
        raise ExpressionError(f"{where} takes an attribute, one of {' '.join(_SIGNS)}, and a value")
    return sign, wanted


def _key(pair: tuple[Json, Json]) -> Json:
    return pair[0]
