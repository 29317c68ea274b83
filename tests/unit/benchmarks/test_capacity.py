"""The rows of the capacity report say whether a bound is kept."""

import pytest

from benchmarks.capacity import Row


@pytest.mark.parametrize(
    ("figure", "at_most", "kept"), [(1.9, True, True), (2.1, True, False), (2.1, False, True), (1.9, False, False)]
)
def test_a_row_knows_on_which_side_of_its_bound_it_must_lie(figure: float, at_most: bool, kept: bool) -> None:
    row = Row(backend="embedded", what="x", figure=figure, unit="s", bound=2, at_most=at_most)

    assert row.kept is kept
    assert ("missed" in row.line()) is not kept
