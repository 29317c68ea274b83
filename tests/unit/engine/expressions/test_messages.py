"""What is refused when a definition is saved, and how it is said."""

import pytest

from engine.errors import ExpressionError
from engine.expressions import compile_expression


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the expression is empty"),
        ("  \n ", "the expression is empty"),
        ("trigger.data +", "column 14: unexpected 'end of expression'"),
        ("trigger.data }} x", 'column 14: the expression should end before "}}"'),
        ("a.b", 'column 1: unknown name "a"'),
        ("1 + triger.data", 'column 5: unknown name "triger" (did you mean "trigger"?)'),
        ("loop.index", 'unknown name "loop"'),
        ("input | uper", 'column 9: unknown filter "uper" (did you mean "upper"?)'),
        ("input is starts_with 'a'", 'unknown test "starts_with" (did you mean "starting_with"?)'),
        ("input | attr('x')", 'unknown filter "attr"'),
        ("input | format('x')", 'unknown filter "format"'),
        ("input | replace('a')", "write value | replace(old, new, count=null)"),
        ("input | upper(1)", "filter upper: too many positional arguments"),
        ("input | default(x=1)", "filter default: "),
        ("input | sort(descending=1, descending=2)", "an argument is named twice"),
        ("input | merge(*input)", "cannot be spread"),
        ("input | merge(**input)", "cannot be spread"),
        ("input()", "column 6: nothing can be called"),
        ("input.items()", "use a filter"),
        ("range(3)", "nothing can be called"),
        ("'a' $ 1", "column 5: unexpected char '$'"),
        ("'a", "unexpected char"),
        ("1e999", "column 1: the number is too large"),
        ("1" * 41, "a number may have at most 40 characters"),
        (r"'\d'", r'column 2: unknown escape "\d"'),
        (r"'\ud800'", "surrogate"),
        ("trigger..data", "column 9: "),
        ("input if", "column "),
        ("(" * 41, "nested deeper than 40 levels"),
        ("not " * 41 + "input", "nested deeper than 40 levels"),
        ("input" + " + 1" * 50, "nested deeper than 40 levels; split it"),
        ("[" + "1," * 400 + "]", "more than 400 syntax nodes"),
        ("[" + "1," * 1500 + "]", "more than 2,000 words and signs"),
        ("1 +" + " " * 4000 + "1", "4,004 characters; the bound is 4,000"),
        ("{% set x = 1 %}", "column "),
        ("input {# comment #}", "column "),
    ],
)
def test_a_refusal_names_the_place_and_the_fix(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text)

    assert said in str(raised.value)


def test_the_message_quotes_a_long_expression_shortened() -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_expression("nobody + " + "1 + " * 30 + "1")

    assert len(str(raised.value)) < 300
    assert "…" in str(raised.value)


def test_columns_count_past_line_ends_of_every_kind() -> None:
    with pytest.raises(ExpressionError, match="column 6: unknown name"):
        compile_expression("1\r\n  +nobody")


@pytest.mark.parametrize("text", ["((((input" + "))))" + ")" * 0, "(" * 39 + "input" + ")" * 39, "not " * 38 + "input"])
def test_what_is_within_the_bound_of_depth_compiles(text: str) -> None:
    assert compile_expression(text).references == {"input"}


def test_the_deepest_chain_of_filters_compiles_and_runs() -> None:
    assert compile_expression("input" + " | upper" * 40).evaluate({"input": "a"}) == "A"


def test_the_widest_expression_compiles_and_runs() -> None:
    assert compile_expression("[" + "1," * 399 + "]").evaluate({}) == [1] * 399


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ExpressionError, match="must be a text, not int"):
        compile_expression(7)  # type: ignore[arg-type]  # the mistake under test
