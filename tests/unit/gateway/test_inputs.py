"""What is wrong with a request is said completely, with the place of each mistake and the nearest known name."""

from datetime import datetime
from typing import Any

import pytest

from engine.errors import InvalidRequest
from gateway.inputs import Body, Instant, Limit, Query, read_object, read_query


class Wanted(Query, frozen=True, kw_only=True):
    limit: Limit = 50
    since: Instant | None = None
    words: tuple[str, ...] = ()


class Sent(Body, frozen=True, kw_only=True):
    name: str
    values: dict[str, Any] | None = None
    at: Instant | None = None


def problems(error: pytest.ExceptionInfo[InvalidRequest]) -> dict[str, tuple[str, str | None]]:
    return {problem.place: (problem.message, problem.fix) for problem in error.value.problems}


def test_a_query_becomes_typed_values() -> None:
    wanted = read_query(
        [("limit", "3"), ("words", "a,b"), ("words", "c"), ("since", "2026-01-01T00:00:00+01:00")], Wanted
    )

    assert wanted.limit == 3
    assert wanted.words == ("a", "b", "c")
    assert wanted.since == datetime.fromisoformat("2025-12-31T23:00:00Z")


def test_unknown_and_malformed_parameters_are_reported_together() -> None:
    with pytest.raises(InvalidRequest) as error:
        read_query([("limt", "3"), ("limit", "201"), ("limit", "7")], Wanted)

    assert problems(error)["limt"] == ("is not a query parameter here", 'did you mean "limit"?')
    assert set(problems(error)) == {"limt", "limit"}
    assert {problem.message for problem in error.value.problems if problem.place == "limit"} == {
        "is given twice",
        "expected `int` <= 200",
    }


@pytest.mark.parametrize(
    "value",
    ["2026-01-01", "2026-01-01T00:00:00", "yesterday", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-12:00"],
)
def test_a_time_needs_a_zone_and_a_place_in_the_calendar(value: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_query([("since", value)], Wanted)

    assert list(problems(error)) == ["since"]


def test_a_body_names_the_fields_that_are_missing_unknown_or_wrong() -> None:
    with pytest.raises(InvalidRequest) as missing:
        read_object({"nmae": "x"}, Sent)
    with pytest.raises(InvalidRequest) as wrong:
        read_object({"name": 1}, Sent)

    assert problems(missing) == {
        "nmae": ("is not a field here", 'did you mean "name"?'),
        "name": ("is missing", None),
    }
    assert problems(wrong) == {"name": ("expected `str`, got `int`", None)}


def test_nul_is_refused_wherever_it_stands() -> None:
    with pytest.raises(InvalidRequest) as error:
        read_object({"name": "a", "values": {"deep": [{"x": "a\x00b"}]}}, Sent)

    assert list(problems(error)) == ["values.deep.0.x"]


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_a_body_that_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        read_object(value, Sent)
