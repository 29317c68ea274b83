"""JSON is read with positions, and its errors say where and what was expected."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definition.json_text import read_json
from engine.definition.report import Mark
from engine.errors import InvalidDefinition, Problem

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


def _problem(text: str) -> Problem:
    with pytest.raises(InvalidDefinition) as caught:
        read_json(text)
    return caught.value.problems[-1]


@given(_VALUES, st.sampled_from([None, 2, "\t"]))
def test_whatever_json_writes_is_read_back(value: object, indent: int | str | None) -> None:
    assert read_json(json.dumps(value, indent=indent)).document == value


def test_positions_count_lines_and_columns_from_one() -> None:
    tree = read_json('{\n\t"a": [1,\n\t\t"x"]\n}')

    assert tree.positions.keys[("a",)] == Mark(line=2, column=2)
    assert tree.positions.values[("a", 1)] == Mark(line=3, column=3)


def test_a_key_that_stands_twice_is_found() -> None:
    tree = read_json('{"a": 1,\n "a": 2}')

    [problem] = tree.report.problems(tree.positions)
    assert (problem.place, problem.line, problem.column) == ("a", 2, 2)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"a": 1,}', 1, 9, "expected a key"),
        ('{"a": 1\n "b": 2}', 2, 2, 'expected "," or "}"'),
        ('{"a": [1, 2,]}', 1, 13, "expected a value"),
        ('{"a" 1}', 1, 6, 'expected ":"'),
        ("{'a': 1}", 1, 2, "double quotes"),
        ('{"a": True}', 1, 7, "expected a value"),
        ('{"a": NaN}', 1, 7, "expected a value"),
        ('{"a": 01}', 1, 7, "expected a value"),
        ('{"a": "x\ny"}', 1, 9, "control character"),
        ('{"a": "x', 1, 7, "unterminated string"),
        ('{"a": 1', 1, 8, "the text ends here"),
        ('{"a": 1} x', 1, 10, "expected the end"),
        ('{"a": 99999999999999999999}', 1, 7, "64 bits"),
        ('{"a": 1e999}', 1, 7, "not finite"),
        ('{"a": "\\u0000"}', 1, 7, "NUL"),
        ('{"a": "\\ud800"}', 1, 7, "surrogate"),
        ('{"\\ud800": 1}', 1, 2, "surrogate"),
        ("[" * 100_000, 1, 51, "more than 50 deep"),
        ("", 1, 1, "expected a value"),
    ],
)
def test_a_mistake_is_found_where_it_is(text: str, line: int, column: int, message: str) -> None:
    problem = _problem(text)

    assert message in problem.message
    assert (problem.line, problem.column) == (line, column)


def test_a_byte_order_mark_is_skipped() -> None:
    assert read_json('\ufeff{"a": 1}').document == {"a": 1}


def test_too_many_values_are_refused() -> None:
    assert "more than 50000 values" in _problem("[" + "1," * 60_000 + "1]").message
