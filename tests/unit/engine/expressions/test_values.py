"""What an expression yields: lookups, operators, comparisons and truth."""

from typing import Any

import pytest

from engine.errors import ExpressionError
from engine.expressions import compile_expression, truthy

SCOPE: dict[str, Any] = {
    "trigger": {
        "data": {"amount": 150, "status": "paid", "lines": [{"sku": "a"}, {"sku": "b"}], "items": 3, "odd key": 1}
    },
    "steps": {"shape": {"total": 1.5, "name": "Ada", "none": None}},
    "vars": {"threshold": 100},
    "now": "2026-01-31T12:00:00Z",
}


def value_of(text: str, *, strict: bool = False) -> Any:
    return compile_expression(text).evaluate(SCOPE, strict=strict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trigger.data.amount", 150),
        ("trigger['data']['odd key']", 1),
        ("trigger.data.lines[0].sku", "a"),
        ("trigger.data.lines.1.sku", "b"),
        ("trigger.data.lines[-1].sku", "b"),
        ("trigger.data.lines[2]", None),
        ("trigger.data.lines[-3]", None),
        ("trigger.data.lines[1:]", [{"sku": "b"}]),
        ("trigger.data.status[0]", "p"),
        ("trigger.data.status[1:3]", "ai"),
        ("trigger.data.status[::-1]", "diap"),
        ("trigger.data.items", 3),
        ("trigger.data[steps.nothing]", None),
        ("trigger.data['sta' ~ 'tus']", "paid"),
        ("trigger.data.lines[true]", None),
        ("trigger.data.lines['0']", None),
        ("trigger.data[0]", None),
        ("trigger.nothing.at.all", None),
        ("steps.shape.none.deeper", None),
        ("steps.shape.total.deeper", None),
        ("item", None),
        ("now", "2026-01-31T12:00:00Z"),
    ],
)
def test_a_dot_or_an_index_looks_up_data_and_nothing_else(text: str, expected: object) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("7 / 2", 3.5),
        ("7 // 2", 3),
        ("-7 // 2", -4),
        ("7 % 4", 3),
        ("2 ** 10", 1024),
        ("2 ** -1", 0.5),
        ("1 + 0.5", 1.5),
        ("-trigger.data.amount", -150),
        ("+1", 1),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("'ab' * 2", "abab"),
        ("2 * [1]", [1, 1]),
        ("'ab' * -1", ""),
        ("1 ~ 'a' ~ true ~ null ~ 2.0 ~ [1, {'a': null}]", '1atrue2[1,{"a":null}]'),
        ("(1, 2)", [1, 2]),
        ("{'a': 1, 'a': 2}", {"a": 2}),
        ("1 if trigger.data.amount > 100 else 2", 1),
        ("1 if trigger.nothing", None),
        ("null", None),
        ("none", None),
        ("True", True),
        ("1_000", 1000),
        ("0xff", 255),
        (r"'a\n\u00e9\x41\\'", "a\né" + "A\\"),
    ],
)
def test_operators_and_literals_yield_json(text: str, expected: object) -> None:
    found = value_of(text)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("trigger.data.amount > vars.threshold", True),
        ("trigger.data.amount >= 150.0", True),
        ("trigger.data.amount < 150", False),
        ("trigger.data.amount <= 150", True),
        ("'a' < 'b'", True),
        ("'b' >= 'b' and 'b' <= 'b' and 'c' > 'b'", True),
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("1 == 1.0", True),
        ("1 == true", False),
        ("[1, {'a': [1.0]}] == [1.0, {'a': [1]}]", True),
        ("[true] == [1]", False),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", True),
        ("{'a': 1} == {'a': 1, 'b': 1}", False),
        ("[1] == [1, 2]", False),
        ("'a' != 'b'", True),
        ("'1' == 1", False),
        ("null == null", True),
        ("null == 0", False),
        ("trigger.nothing == null", True),
        ("'ai' in trigger.data.status", True),
        ("'status' in trigger.data", True),
        ("1 in trigger.data", False),
        ("1.0 in [1]", True),
        ("true in [1]", False),
        ("[1] in [[1.0]]", True),
        ("'a' in null", False),
        ("2 not in [1]", True),
        ("'a' is in ['a'] and 'b' is not in ['a']", True),
    ],
)
def test_comparisons_follow_json(text: str, expected: bool) -> None:
    assert value_of(text) is expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("null > 100", "cannot compare null with number"),
        ("'a' > 1", "cannot compare text with number"),
        ("true > 0", "cannot compare boolean with number"),
        ("[1] < [2]", "cannot compare list with list"),
        ("1 < 2 < 'a'", "cannot compare number with text"),
        ("null + 1", '"+" cannot take null and number'),
        ("'a' + 1", "write ~"),
        ("true + 1", "boolean and number"),
        ("'%s' % 1", '"%" cannot take text and number'),
        ("'a' - 'b'", '"-" cannot take text and text'),
        ("1 / 0", "division by zero"),
        ("1 // 0.0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("0 ** -1", "negative power"),
        ("(-1) ** 0.5", "not a real number"),
        ("10 ** 31", "10**30"),
        ("10 ** 30 * 10", "10**30"),
        ("1e308 * 10", "infinite"),
        ("1 in 1", '"in" cannot take number and number'),
        ("1 in 'a1'", "only text can be part of a text"),
        ("-'a'", '"-" cannot take number and text'),
        ("trigger.data[1:2]", "parts to cut out"),
        ("trigger.data.lines['a':]", "whole numbers"),
        ("trigger.data.lines[::0]", "must not be 0"),
        ("{1: 2}", "must be text"),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_what_was_there(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        value_of(text)

    assert said in str(raised.value)
    assert text in str(raised.value)


def test_ten_to_the_thirty_is_still_within_the_bound() -> None:
    assert value_of("10 ** 30") == 10**30


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("trigger.data.nothing", "trigger.data.nothing"),
        ("steps.absent.total", "steps.absent"),
        ("trigger.data.lines[7].sku", "trigger.data.lines[7]"),
        ("trigger.data[vars.threshold]", "trigger.data[…]"),
        ("item", "item"),
        ("steps.shape.none.deeper", "steps.shape.none.deeper"),
        ("trigger.data.nothing | upper", "trigger.data.nothing"),
    ],
)
def test_strict_names_the_path_that_is_missing(text: str, path: str) -> None:
    with pytest.raises(ExpressionError, match="is missing") as raised:
        value_of(text, strict=True)

    assert f'"{path}"' in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps.shape.none", None),
        ("trigger.data.nothing | default(1)", 1),
        ("trigger.a.b.c is defined", False),
        ("trigger.a.b.c is undefined", True),
        ("trigger.data.amount | default(trigger.data.items)", 150),
        ("1 if trigger.data.amount else trigger.data.nothing", 1),
    ],
)
def test_strict_lets_through_null_that_is_there_and_what_asks_first(text: str, expected: object) -> None:
    assert value_of(text, strict=True) == expected


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], {}])
def test_nothing_and_emptiness_are_false(value: object) -> None:
    assert truthy(value) is False
    assert compile_expression("not input").evaluate({"input": value}) is True


@pytest.mark.parametrize("value", [True, 1, -0.5, "false", "0", [None], {"a": None}])
def test_everything_else_is_true(value: object) -> None:
    assert truthy(value) is True
    assert compile_expression("true if input else false").evaluate({"input": value}) is True


def test_and_and_or_yield_the_deciding_value_and_do_not_look_further() -> None:
    assert value_of("trigger.nothing or 'x'") == "x"
    assert value_of("0 and 1 / 0") == 0
    assert value_of("1 or 1 / 0") == 1


def test_a_value_from_the_scope_is_returned_as_it_is() -> None:
    assert value_of("trigger.data") is SCOPE["trigger"]["data"]


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("trigger.data.amount > vars.threshold", {"trigger", "vars.threshold"}),
        ("steps.shape.total + steps['other'].total", {"steps.shape", "steps.other"}),
        ("steps[input.name].total", {"steps", "input"}),
        ("steps | keys", {"steps"}),
        ("[item, index, null, {'a': now}]", {"item", "index", "now"}),
        ("1 if vars.a is defined else input | default(execution.id)", {"vars.a", "input", "execution"}),
        ("1 + 1", set()),
    ],
)
def test_references_are_what_the_expression_reads(text: str, references: set[str]) -> None:
    assert compile_expression(text).references == references


def test_a_loop_may_bring_a_name_of_its_own() -> None:
    expression = compile_expression("order.id + index", names=frozenset({"order"}))

    assert expression.evaluate({"order": {"id": 1}, "index": 2}) == 3
    assert expression.references == {"order", "index"}


def test_the_same_text_is_compiled_once() -> None:
    assert compile_expression("trigger.data.amount + 17") is compile_expression("trigger.data.amount + 17")
