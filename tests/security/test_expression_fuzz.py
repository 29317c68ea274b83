"""Random expressions, random texts and random data: only an ``ExpressionError`` ever comes out."""

import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ExpressionError
from engine.expressions import FILTERS, ROOTS, TESTS, compile_expression, compile_template

EXAMPLES = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, -1, 10**30, -(10**31), 2**64, 1_769_854_830])
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["2026-01-31", "2026-01-31T12:00:00+14:00", "0001-01-01", "9999-12-31", "1h", "%F", "a.b", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab") | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
SCOPES = st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(ROOTS), JSON))

LITERALS = st.sampled_from(
    [
        *("0", "1", "-1", "2.5", "1e300", "10**30", "true", "false", "null"),
        *("''", "'a'", "'a.b'", "'2026-01-31'", "'1d'", "'%d.%m.%Y'", "'UTC'", "'days'", "'day'", "'>'", "'=='"),
        *("[]", "{}", "[1, 'a', null]", "{'a': 1, 'b': [2]}", "[{'a': 1}, {'a': 'x'}, 3]"),
        *("'aGVsbG8='", "'%41'", "'[1]'", "'*a*'"),
        *sorted(ROOTS),
    ]
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = [
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
        "**",
        "~",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "not in",
        "and",
        "or",
    ]
    arguments = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda part: f"({part[0]} {part[1]} {part[2]})"),
        st.tuples(inner, st.sampled_from(sorted(FILTERS)), arguments).map(
            lambda part: f"({part[0]} | {part[1]}({part[2]}))"
        ),
        st.tuples(inner, st.sampled_from(sorted(TESTS)), arguments).map(
            lambda part: f"({part[0]} is {part[1]}({part[2]}))"
        ),
        st.tuples(inner, inner).map(lambda part: f"{part[0]}[{part[1]}]"),
        st.tuples(inner, inner, inner).map(lambda part: f"{part[0]}[{part[1]}:{part[2]}]"),
        st.tuples(inner, inner, inner).map(lambda part: f"({part[0]} if {part[1]} else {part[2]})"),
        st.tuples(inner, inner, inner).map(lambda part: f"({part[0]} < {part[1]} <= {part[2]})"),
        inner.map(lambda part: f"{part}.a"),
        inner.map(lambda part: f"(not {part})"),
        inner.map(lambda part: f"(-{part})"),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        inner.map(lambda part: f"{{'a': {part}}}"),
    )


EXPRESSIONS = st.recursive(LITERALS, _compound, max_leaves=8)
PIECES = st.lists(
    st.sampled_from(
        [*"(){}[]|.,:~+-*/%<>=!'\"\\#@$ \n\x00", "{{", "}}", "{%", "{#", " if ", " else ", " not ", " is ", " in "]
    )
    | LITERALS
    | st.sampled_from(sorted(FILTERS))
    | st.text(max_size=4),
    max_size=30,
).map("".join)


@EXAMPLES
@given(EXPRESSIONS, SCOPES, st.booleans())
def test_a_well_formed_expression_yields_json_or_our_error(text: str, scope: dict[str, Any], strict: bool) -> None:
    try:
        found = compile_expression(text).evaluate(scope, strict=strict)
    except ExpressionError:
        return

    assert type(found) in {str, int, float, bool, list, dict, type(None)}
    assert type(found) is not float or math.isfinite(found)


@EXAMPLES
@given(EXPRESSIONS, SCOPES)
def test_evaluating_twice_yields_the_same(text: str, scope: dict[str, Any]) -> None:
    assert _outcome(text, scope) == _outcome(text, scope)


@EXAMPLES
@given(PIECES, SCOPES)
def test_any_text_is_an_expression_or_our_error(text: str, scope: dict[str, Any]) -> None:
    assert isinstance(_outcome(text, scope), str)


@EXAMPLES
@given(PIECES, PIECES, SCOPES)
def test_any_text_is_a_template_or_our_error(before: str, inside: str, scope: dict[str, Any]) -> None:
    try:
        rendered = compile_template(before + "{{" + inside + "}}").render(scope)
    except ExpressionError:
        return

    assert type(rendered) in {str, int, float, bool, list, dict, type(None)}


def _outcome(text: str, scope: dict[str, Any]) -> str:
    try:
        return repr(compile_expression(text).evaluate(scope))
    except ExpressionError as error:
        return f"refused: {error}"
