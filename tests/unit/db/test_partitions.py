"""Months as ranges of ids, and the names of partitions."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.partitions import NEVER, Month, Partition
from engine.model.base import new_id

MONTHS = st.builds(Month, st.integers(1970, 9998), st.integers(1, 12))


def test_an_id_lies_in_the_month_in_which_it_was_made() -> None:
    month = Month.of(datetime.now(UTC))

    assert month.first_id <= new_id() < month.next.next.first_id


def test_a_month_begins_with_its_first_millisecond_in_utc() -> None:
    assert Month(2026, 11).first_id == "01a19467-e800-0000-0000-000000000000"
    east = timezone(timedelta(hours=2))
    assert Month.of(datetime(2026, 11, 1, 1, tzinfo=east)) == Month(2026, 10)


@given(MONTHS)
def test_months_follow_each_other_without_gap_or_overlap(month: Month) -> None:
    assert month.next.before == month < month.next
    assert month.first_id < month.next.first_id
    assert Partition.of("steps", month).bounds.split(" TO ")[1][2:-2] == month.next.first_id


@given(MONTHS, st.sampled_from(["executions", "steps", "dead_letters"]), st.booleans())
def test_a_name_says_which_partition_it_is(month: Month, table: str, since_ever: bool) -> None:
    partition = Partition(table, month, since_ever=since_ever)

    assert Partition.parse(partition.name) == partition


def test_partitions_are_named_by_the_month_they_hold() -> None:
    assert Partition.of("executions", Month(2026, 12)).name == "executions_2026_12"
    assert Partition("steps", Month(2027, 1), since_ever=True).name == "steps_until_2027_01"


@pytest.mark.parametrize("name", ["executions_default", "executions", "events_2026_11", "steps_2026_11; DROP", "x"])
def test_other_names_are_none_of_ours(name: str) -> None:
    assert Partition.parse(name) is None


def test_what_never_ends_holds_every_id() -> None:
    assert Partition("steps", NEVER, since_ever=True).bounds == "FROM (MINVALUE) TO (MAXVALUE)"
