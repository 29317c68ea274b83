"""The filters and tests: every documented example, null, and what they refuse."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import ExpressionError
from engine.expressions import FILTERS, TESTS, compile_expression
from engine.expressions.filters.table import FilterDoc

ENTRIES = [*FILTERS.values(), *TESTS.values()]
PEOPLE = [
    {"name": "Ada", "age": 36, "city": {"zip": "1"}},
    {"name": "Bob", "age": None, "city": {"zip": "2"}},
    {"name": "Cyd", "city": {"zip": "1"}},
]


def value_of(text: str, value: Any = None) -> Any:
    return compile_expression(text).evaluate({"input": value, "trigger": {}})


def _examples() -> Iterator[Any]:
    for entry in ENTRIES:
        for number, example in enumerate(entry.examples):
            yield pytest.param(*example, id=f"{entry.name}-{number}")


@pytest.mark.parametrize(("text", "expected"), list(_examples()))
def test_every_documented_example_holds(text: str, expected: object) -> None:
    found = value_of(text)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_is_documented_with_an_example_that_uses_it(entry: FilterDoc) -> None:
    assert entry.summary.endswith(".")
    assert entry.examples
    assert any(entry.name in text for text, _ in entry.examples)


def test_the_promised_filters_are_there() -> None:
    assert len(FILTERS) >= 60


@pytest.mark.parametrize("entry", [entry for entry in FILTERS.values() if not entry.takes_null], ids=lambda e: e.name)
def test_null_goes_through_a_filter_unchanged(entry: FilterDoc) -> None:
    needed = [part for part in entry.usage.partition("(")[2].rstrip(")").split(", ") if part and "=" not in part]
    arguments = ", ".join("'a'" for part in needed if not part.endswith("..."))

    assert value_of(f"input | {entry.name}({arguments})") is None


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("input | trim", "\t a \u00a0", "a"),
        ("input | replace('aa', 'b')", "aaaaa", "bba"),
        ("input | replace('a', 1)", "a", "1"),
        ("input | split('')", "ab", ExpressionError),
        ("input | split(',', 0)", "a,b", ["a,b"]),
        ("input | split", "", []),
        ("input | truncate(2, '...')", "abcdef", ".."),
        ("input | truncate(0)", "abc", ""),
        ("input | pad_left(2, 'ab')", "a", ExpressionError),
        ("input | pad_left(1)", "abc", "abc"),
        ("input | join(', ')", [True, 1.0, None, {"a": 1}], 'true, 1, , {"a":1}'),
        ("input | join(', ')", "abc", ExpressionError),
        ("input | upper", 5, ExpressionError),
        ("input | length", 5, ExpressionError),
        ("input | title", "o'neil of-x", "O'Neil Of-X"),
        ("input | first", "", None),
        ("input | last", [], None),
        ("input | first", {}, ExpressionError),
        ("input | chunk(0)", [1], ExpressionError),
        ("input | flatten(11)", [1], ExpressionError),
        ("input | sum", [], 0),
        ("input | sum", ["1"], ExpressionError),
        ("input | sum", [True], ExpressionError),
        ("input | average", [], None),
        ("input | max('n')", [{"n": 1}, {}, {"n": 3}], 3),
        ("input | map('age')", PEOPLE, [36, None, None]),
        ("input | map('city.zip') | unique", PEOPLE, ["1", "2"]),
        ("input | where('age') | map('name')", PEOPLE, ["Ada"]),
        ("input | where('age', null) | map('name')", PEOPLE, ["Bob", "Cyd"]),
        ("input | where('age', '!=', null) | map('name')", PEOPLE, ["Ada"]),
        ("input | where('age', '<', 40) | map('name')", PEOPLE, ["Ada"]),
        ("input | where('city', {'zip': '2'}) | map('name')", PEOPLE, ["Bob"]),
        ("input | where('name', 'in', ['Ada', 'Cyd']) | length", PEOPLE, 2),
        ("input | reject('city.zip', '1') | map('name')", PEOPLE, ["Bob"]),
        ("input | where('age', '~', 1)", PEOPLE, ExpressionError),
        ("input | where('age', '>', 1, 2)", PEOPLE, ExpressionError),
        ("input | where('name', '>', 1)", PEOPLE, ExpressionError),
        ("input | sort('age') | map('name')", PEOPLE, ["Ada", "Bob", "Cyd"]),
        ("input | sort('name', true) | map('name')", PEOPLE, ["Cyd", "Bob", "Ada"]),
        ("input | sort", [1, "a"], ExpressionError),
        ("input | sort", [[1], [0]], ExpressionError),
        ("input | sort", [2, None, 1.5], [1.5, 2, None]),
        ("input | unique", [1, True, "1", None, [1], [1.0], {"a": 1, "b": 2}, {"b": 2, "a": 1}], ...),
        ("input | group_by('city.zip') | keys", PEOPLE, ["1", "2"]),
        ("input | group_by('age') | keys", PEOPLE, ["36", "null"]),
        ("input | group_by('city')", PEOPLE, ExpressionError),
        ("input | key_by('name') | get('Bob.city.zip')", PEOPLE, "2"),
        ("input | pick(['a', 'z'])", {"a": 1, "b": 2}, {"a": 1}),
        ("input | pick(1)", {"a": 1}, ExpressionError),
        ("input | omit('a', 'b')", {"a": 1, "b": 2, "c": 3}, {"c": 3}),
        ("input | merge(null, {'b': 1})", {"a": 1}, {"a": 1, "b": 1}),
        ("input | merge([])", {"a": 1}, ExpressionError),
        ("input | from_items", [{"value": 1}], ExpressionError),
        ("input | get('a.1')", {"a": [1, 2]}, 2),
        ("input | number", "", ExpressionError),
        ("input | number", "1e999", ExpressionError),
        ("input | number", "1_000", ExpressionError),
        ("input | number", "nan", ExpressionError),
        ("input | number", "-.5e1", -5.0),
        ("input | number", True, ExpressionError),
        ("input | number", "9" * 31, ExpressionError),
        ("input | int", 1e300, ExpressionError),
        ("input | int", "-2.9", -2),
        ("input | float(null)", "x", ExpressionError),
        ("input | round", 2, 2),
        ("input | round", -2.5, -3),
        ("input | round(2)", 1e300, 1e300),
        ("input | round(2)", 1.005, 1.01),
        ("input | round(-1)", 15, 20),
        ("input | round", "1", ExpressionError),
        ("input | floor", 1e200, ExpressionError),
        ("input | format_number(2)", -0.005, "-0.01"),
        ("input | format_number(thousands=' ')", 1234567, "1 234 567"),
        ("input | boolean", "maybe", ExpressionError),
        ("input | boolean", " TRUE ", True),
        ("input | boolean", 2, ExpressionError),
        ("input | parse_json", "[1, 2.5, null]", [1, 2.5, None]),
        ("input | parse_json", "{'a': 1}", ExpressionError),
        ("input | parse_json", "NaN", ExpressionError),
        ("input | parse_json", "1e999", ExpressionError),
        ("input | to_json", {"a": [1.0, "é", None, True]}, '{"a":[1.0,"é",null,true]}'),
        ("input | to_json", float("nan"), ExpressionError),
        ("input | base64_encode", "é", "w6k="),
        ("input | base64_decode", "w6k", "é"),
        ("input | base64_decode", "w6k=\n", "é"),
        ("input | base64_decode", "!!!!", ExpressionError),
        ("input | base64_decode", "/w==", ExpressionError),
        ("input | url_encode", "é-_.~", "%C3%A9-_.~"),
        ("input | url_encode", 12, "12"),
        ("input | url_decode", "%C3%A9%2", "é%2"),
        ("input | url_decode", "%ff", ExpressionError),
        ("input | sha256", "\ud800", ExpressionError),
        ("input is matching 'a*b*c'", "a-b-c", True),
        ("input is matching 'a*a'", "a", False),
        ("input is matching '*'", "", True),
        ("input is matching 'ab*bc'", "abc", False),
        ("input is matching 'abc'", "abc", True),
        ("input is matching 'a*'", 5, False),
        ("input is even", 2.0, True),
        ("input is odd", -3, True),
        ("input is even", "2", False),
        ("input is divisible_by 0", 2, ExpressionError),
        ("input is contains 'x'", {"x": None}, True),
        ("input is empty", {}, True),
    ],
)
def test_filters_at_their_edges(text: str, value: object, expected: Any) -> None:
    if expected is ExpressionError:
        with pytest.raises(ExpressionError):
            value_of(text, value)
    elif expected is ...:
        assert value_of(text, value) == [1, True, "1", None, [1], [1.0], {"a": 1, "b": 2}]
    else:
        assert value_of(text, value) == expected


def test_an_error_of_a_filter_names_it_and_what_it_got() -> None:
    with pytest.raises(
        ExpressionError, match=r'upper needs a text, not list; write "value \| text" to convert, in "input'
    ):
        value_of("input | upper", [])


def test_filters_do_not_change_what_they_are_given() -> None:
    given = [3, 1, 2]

    value_of("[input | sort, input | reverse, input | append(4), input | concat([5])]", given)

    assert given == [3, 1, 2]
