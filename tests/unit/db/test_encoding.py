"""What becomes of values on their way into a column and back."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.encoding import (
    clean_text,
    decode_failure,
    decode_json,
    decode_ports,
    decode_response,
    encode_failure,
    encode_json,
    encode_ports,
    encode_response,
    read_time,
    time_text,
)
from engine.errors import Category, LimitExceeded
from engine.model.execution import Failure, Response

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_survives(value: Any) -> None:
    assert decode_json(encode_json(value)) == value
    assert decode_json(encode_json(value, ordered=True)) == value


def test_ordered_json_of_equal_values_is_equal() -> None:
    assert encode_json({"b": 1, "a": {"d": 2, "c": 3}}, ordered=True) == '{"a":{"c":3,"d":2},"b":1}'


def test_a_lone_surrogate_anywhere_is_replaced() -> None:
    value = {"\ud800": ["a\udfffb", ("\ud83d\ude00",)], "n": 1}

    assert decode_json(encode_json(value)) == {"\ufffd": ["a\ufffdb", ["\ufffd\ufffd"]], "n": 1}


def test_a_response_with_a_lone_surrogate_is_stored() -> None:
    stored = decode_response(encode_response(Response(status=200, headers={}, body="\ud800")))

    assert stored == Response(status=200, headers={}, body="\ufffd")


def test_a_bottomless_value_is_refused() -> None:
    value: Any = None
    for _ in range(100_000):
        value = [value]

    with pytest.raises(LimitExceeded, match="nested too deeply"):
        encode_json(value)


def test_numbers_that_are_none_become_null() -> None:
    assert encode_json([float("nan"), float("inf")]) == "[null,null]"


@pytest.mark.parametrize(
    ("text", "kept"),
    [(None, None), ("", ""), ("plain", "plain"), ("é\U0001f600", "é\U0001f600"), ("a\0b", "a\ufffdb"),
     ("é\0", "é\ufffd"), ("\ud800", "\ufffd")],
)  # fmt: skip
def test_texts_keep_what_a_column_can_hold(text: str | None, kept: str | None) -> None:
    assert clean_text(text) == kept


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_survive_and_sort_as_texts(value: datetime) -> None:
    text = time_text(value)

    assert read_time(text) == value
    assert len(text) == 32
    assert (text < time_text(datetime(2026, 1, 1, tzinfo=UTC))) == (value < datetime(2026, 1, 1, tzinfo=UTC))


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    summer = timezone(timedelta(hours=2))

    assert time_text(datetime(2026, 7, 1, 1, 0, tzinfo=summer)) == "2026-06-30T23:00:00.000000+00:00"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        time_text(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("ports", [(), ("main",), ("true", "error")])
def test_ports_survive(ports: tuple[str, ...]) -> None:
    assert decode_ports(encode_ports(ports)) == ports


@pytest.mark.parametrize(
    "failure",
    [None, Failure(code="a", message="b"), Failure(code="a", message="\0", category=Category.TIMEOUT, step="s")],
)
def test_failures_survive(failure: Failure | None) -> None:
    assert decode_failure(encode_failure(failure)) == failure


@pytest.mark.parametrize(
    "response", [None, Response(status=204), Response(status=200, headers={"a": "b"}, body={"x": [1]})]
)
def test_responses_survive(response: Response | None) -> None:
    assert decode_response(encode_response(response)) == response
