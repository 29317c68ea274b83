"""Filters for mappings. Keys keep their order."""

# ruff: noqa: ARG001  every filter takes the budget and JSON arguments, whether it needs them or not

from engine.errors import ExpressionError
from engine.expressions.bounds import CONTAINER, Budget
from engine.expressions.filters.arguments import Attribute, fields, items, text
from engine.expressions.filters.table import Table
from engine.model.base import Json

TABLE = Table("Mappings")
_ENTRY = 120  # units for one key in a mapping that is being made


@TABLE.add("List the keys.", ("{'a': 1, 'b': 2} | keys", ["a", "b"]))
def keys(budget: Budget, value: Json) -> Json:
    budget.make_items(len(fields(value, "keys")))
    return list(value)


@TABLE.add("List the values.", ("{'a': 1, 'b': 2} | values", [1, 2]))
def values(budget: Budget, value: Json) -> Json:
    budget.make_items(len(fields(value, "values")))
    return list(value.values())


@TABLE.add(
    "List the entries as mappings of `key` and `value`.",
    ("{'a': 1} | items", [{"key": "a", "value": 1}]),
)
def items_(budget: Budget, value: Json) -> Json:
    budget.make_items(len(fields(value, "items")), each=CONTAINER)
    return [{"key": key, "value": one} for key, one in value.items()]


@TABLE.add(
    "Make a mapping of a list of entries with `key` and `value`; the opposite of `items`.",
    ("[{'key': 'a', 'value': 1}] | from_items", {"a": 1}),
)
def from_items(budget: Budget, value: Json) -> Json:
    entries = items(value, "from_items")
    budget.make_items(len(entries), each=_ENTRY + 200)
    return {
        text(fields(entry, "from_items").get("key"), "from_items, as each key,"): entry.get("value")
        for entry in entries
    }


@TABLE.add(
    "Put mappings together; where several have a key, the last one wins.",
    ("{'a': 1, 'b': 2} | merge({'b': 3})", {"a": 1, "b": 3}),
)
def merge(budget: Budget, value: Json, *others: Json) -> Json:
    parts = [fields(part, "merge") for part in (value, *others) if part is not None]
    budget.make_items(sum(map(len, parts)), each=_ENTRY)
    return {key: one for part in parts for key, one in part.items()}


@TABLE.add("Keep only the given keys.", ("{'a': 1, 'b': 2} | pick('a', 'c')", {"a": 1}))
def pick(budget: Budget, value: Json, *keys: Json) -> Json:
    known, wanted = fields(value, "pick"), _names(budget, keys, "pick")
    budget.make_items(len(wanted), each=_ENTRY)
    return {key: known[key] for key in wanted if key in known}


@TABLE.add("Leave out the given keys.", ("{'a': 1, 'b': 2} | omit('a')", {"b": 2}))
def omit(budget: Budget, value: Json, *keys: Json) -> Json:
    known, left_out = fields(value, "omit"), frozenset(_names(budget, keys, "omit"))
    budget.make_items(len(known), each=_ENTRY)
    return {key: one for key, one in known.items() if key not in left_out}


@TABLE.add(
    "Follow a dotted path; `fallback` if nothing is there.",
    ("{'a': {'b': [1, 2]}} | get('a.b.1')", 2),
    ("{} | get('a.b', 0)", 0),
)
def get(budget: Budget, value: Json, path: Json, fallback: Json = None) -> Json:
    found = Attribute(text(path, "get"), "get").of(value)
    return fallback if found is None else found


def _names(budget: Budget, keys: tuple[Json, ...], where: str) -> list[str]:
    names = keys[0] if len(keys) == 1 and isinstance(keys[0], list) else list(keys)
    budget.make_items(len(names), each=100)
    if not all(isinstance(name, str) for name in names):
        raise ExpressionError(f"{where} needs keys that are texts, or one list of them")
    return names
