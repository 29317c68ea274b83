"""Filters for values of every kind."""

# ruff: noqa: ARG001, FBT002  every filter takes the budget and JSON arguments, whether it needs them or not

from engine.errors import ExpressionError
from engine.expressions.bounds import Budget
from engine.expressions.filters.table import Table
from engine.expressions.values import kind, to_text, truthy
from engine.model.base import Json

TABLE = Table("Any value")


@TABLE.add(
    "Answer `fallback` when the value is null; with `if_empty`, also when it is false, 0 or empty. "
    "A missing key before it is no error, even in a strict node.",
    ("trigger.nothing | default('none')", "none"),
    ("'' | default('none')", ""),
    ("'' | default('none', true)", "none"),
    null=True,
)
def default(budget: Budget, value: Json, fallback: Json, if_empty: Json = False) -> Json:
    return fallback if value is None or (truthy(if_empty) and not truthy(value)) else value


@TABLE.add(
    "Name the kind: `null`, `boolean`, `number`, `text`, `list` or `mapping`.",
    ("12 | type_of", "number"),
    ("null | type_of", "null"),
    null=True,
)
def type_of(budget: Budget, value: Json) -> Json:
    return kind(value)


@TABLE.add(
    "Write the value as it reads inside a text: null as nothing, lists and mappings as JSON.",
    ("12 | text", "12"),
    ("2.0 | text", "2"),
    ("true | text", "true"),
    ("[1, 'a'] | text", '[1,"a"]'),
    ("null | text", ""),
    null=True,
)
def text(budget: Budget, value: Json) -> Json:
    written = to_text(budget, value)
    budget.make_text(len(written))
    return written


@TABLE.add(
    "Read true or false: booleans, 1 and 0, and the texts `true`, `yes`, `on`, `1` and `false`, `no`, `off`, `0`.",
    ("'Yes' | boolean", True),
    ("0 | boolean", False),
)
def boolean(budget: Budget, value: Json) -> Json:
    known = value if isinstance(value, bool) else None
    if isinstance(value, int | float) and value in (0, 1):
        known = value == 1
    elif isinstance(value, str) and len(value) < 20:
        known = _WORDS.get(value.strip().lower())
    if known is None:
        raise ExpressionError(f"boolean cannot read this {kind(value)} as true or false; compare it instead")
    return known


@TABLE.add(
    "Count the characters of a text, the items of a list or the keys of a mapping.",
    ("'abc' | length", 3),
    ("[1, 2] | length", 2),
    ("null | length", None),
)
def length(budget: Budget, value: Json) -> Json:
    if kind(value) not in ("text", "list", "mapping"):
        raise ExpressionError(f"length needs a text, a list or a mapping, not {kind(value)}")
    return len(value)


_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
