"""Differences inside values: where they are, and what counts as the same."""

import pytest

from engine.model.base import Json
from engine.trials.value_diff import ValueChange, same, value_changes


def test_every_difference_is_told_with_its_path() -> None:
    before = {"a": {"b": [1, 2, 3]}, "gone": 1, "odd name": 1}
    after = {"a": {"b": [1, 5]}, "new": None, "odd name": 2}

    found = value_changes(before, after)

    assert set(found) == {
        ValueChange(path="gone", kind="removed", before=1),
        ValueChange(path="new", kind="added"),
        ValueChange(path="a.b[2]", kind="removed", before=3),
        ValueChange(path="a.b[1]", kind="changed", before=2, after=5),
        ValueChange(path='["odd name"]', kind="changed", before=1, after=2),
    }


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [(1, 1.0, True), (True, 1, False), (0, False, False), (None, None, True), ([], {}, False), ("1", 1, False)],
)
def test_two_values_are_the_same_if_they_are_the_same_json(before: Json, after: Json, alike: bool) -> None:
    assert same(before, after) is alike


def test_no_more_than_asked_for_are_told() -> None:
    assert len(value_changes(list(range(100)), [0], most=7)) == 7


def test_depth_costs_no_recursion() -> None:
    before: Json = 1
    after: Json = 2
    for _ in range(5000):
        before, after = [before], [after]

    (change,) = value_changes(before, after)

    assert (change.before, change.after) == (1, 2)
