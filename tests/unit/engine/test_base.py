"""Ids sort as they were made; durations are read in both forms and written in the shortest."""

import uuid
from datetime import timedelta

import pytest

from engine.model.base import format_duration, is_id, new_id, parse_duration


def test_ids_are_uuids_of_version_7_that_sort_as_they_were_made() -> None:
    ids = [new_id() for _ in range(5000)]

    assert ids == sorted(set(ids))
    assert all(is_id(one) for one in ids)
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(7, uuid.RFC_4122)}


def test_ids_go_on_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000_000_000_000_000)

    assert before < new_id() < new_id()


@pytest.mark.parametrize("text", ["", "x", "01A1F854-DBD7-7577-9B95-D5627DC37547", "01a1f854dbd775779b95d5627dc37547"])
def test_other_spellings_are_no_ids(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize(
    ("text", "duration", "short"),
    [
        ("500ms", timedelta(milliseconds=500), "500ms"),
        ("90s", timedelta(seconds=90), "1m30s"),
        ("1h30m", timedelta(minutes=90), "1h30m"),
        ("7d", timedelta(days=7), "7d"),
        ("PT1H30M", timedelta(minutes=90), "1h30m"),
        ("P1W", timedelta(days=7), "7d"),
        ("PT0.5S", timedelta(milliseconds=500), "500ms"),
        ("0s", timedelta(), "0s"),
    ],
)
def test_durations_are_read_and_written(text: str, duration: timedelta, short: str) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == short


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "P", "PT", "1h 30m", "-5s", "1y", "5.5s"])
def test_what_is_no_duration_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(ValueError, match="write 30s, 5m, 2h, 7d or PT1H30M"):
        parse_duration(text)
