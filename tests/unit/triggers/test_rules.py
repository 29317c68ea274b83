"""When schedules are due: the table of clock changes, the policies for missed times, and what must hold for all."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.workflow import ScheduleSpec
from triggers.rules import GRACE, MAX_PER_TICK, due_between, due_now, last_due, next_due

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
EVERY_MINUTE = ScheduleSpec(cron="* * * * *")

# Recorded from cronsim 2.8; croniter and APScheduler answer most of these differently.
CLOCK_CHANGES = [
    ("Europe/Berlin", "2026-03-29", "30 2 * * *", ["03:00+02:00"]),
    ("Europe/Berlin", "2026-03-29", "15 1-3 * * *", ["01:15+01:00", "03:00+02:00", "03:15+02:00"]),
    ("Europe/Berlin", "2026-10-25", "30 2 * * *", ["02:30+02:00"]),
    (
        "Europe/Berlin",
        "2026-10-25",
        "0 0-3,23 * * *",
        ["00:00+02:00", "01:00+02:00", "02:00+02:00", "03:00+01:00", "23:00+01:00"],
    ),
    ("America/New_York", "2026-03-08", "*/20 2 * * *", []),
    ("America/New_York", "2026-11-01", "30 1 * * *", ["01:30-04:00"]),
    ("Australia/Lord_Howe", "2026-04-05", "45 1 * * *", ["01:45+11:00"]),
    ("Australia/Lord_Howe", "2026-10-04", "15 2 * * *", ["02:30+11:00"]),
    ("America/Sao_Paulo", "2018-11-04", "0 0 * * *", ["01:00-02:00"]),
    ("Pacific/Apia", "2011-12-31", "0 0 30 12 *", ["00:00+14:00"]),
    ("Antarctica/Troll", "2026-03-29", "30 1 * * *", ["03:00+02:00"]),
]


@pytest.mark.parametrize(("zone", "day", "cron", "expected"), CLOCK_CHANGES)
def test_on_days_when_clocks_change_cron_means_what_debians_cron_does(
    zone: str, day: str, cron: str, expected: list[str]
) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = (start + timedelta(days=1)).astimezone(UTC)  # wall-clock arithmetic: the next midnight there

    found = due_between(ScheduleSpec(cron=cron, timezone=zone), start.astimezone(UTC) - MINUTE, end - MINUTE)

    assert [due.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")[11:] for due in found] == expected


def test_an_hourly_job_runs_in_both_passes_of_a_repeated_hour() -> None:
    start = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)

    found = due_between(ScheduleSpec(cron="0 * * * *", timezone="Europe/Berlin"), start, start + 4 * HOUR)

    assert found == [start + n * HOUR for n in range(1, 5)]


def test_a_job_that_ran_in_the_first_pass_does_not_run_when_asked_about_in_the_second() -> None:
    second_pass = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)  # 02:15+01:00, a quarter past two for the second time

    due = next_due(ScheduleSpec(cron="30 2 * * *", timezone="Europe/Berlin"), second_pass)

    assert due == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_an_interval_is_aligned_to_the_epoch_so_that_all_schedulers_agree() -> None:
    spec = ScheduleSpec(every=timedelta(minutes=7))
    asked_at = [NOW + timedelta(seconds=n) for n in range(0, 420, 13)]

    answers = {next_due(spec, at) for at in asked_at}

    assert all(due is not None and due.timestamp() % 420 == 0 for due in answers)
    assert len(answers) <= 2


def test_an_interval_counts_elapsed_time_across_a_clock_change() -> None:
    spec = ScheduleSpec(every=HOUR, timezone="Europe/Berlin")
    start = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)

    found = due_between(spec, start, start + 5 * HOUR)

    assert [later - earlier for earlier, later in pairwise(found)] == [HOUR] * 4


def test_an_interval_longer_than_time_itself_is_never_due() -> None:
    assert next_due(ScheduleSpec(every=timedelta(days=900_000_000)), NOW) is None


def test_fixed_times_are_due_once_each_in_order_whatever_their_zone() -> None:
    spec = ScheduleSpec(
        at=(
            datetime(2026, 6, 2, 9, 0, tzinfo=ZoneInfo("Europe/Berlin")),
            datetime(2026, 6, 1, 13, 0, tzinfo=UTC),
            datetime(2026, 6, 2, 7, 0, tzinfo=UTC),
            datetime(2020, 1, 1, tzinfo=UTC),
        )
    )

    found = due_between(spec, NOW, NOW + timedelta(days=30))

    assert found == [datetime(2026, 6, 1, 13, 0, tzinfo=UTC), datetime(2026, 6, 2, 7, 0, tzinfo=UTC)]
    assert next_due(spec, found[-1]) is None


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        next_due(EVERY_MINUTE, datetime(2026, 6, 1))  # noqa: DTZ001  that is the point


# --- what is handed over now --------------------------------------------------------------------------------------


def policy(missed: str, **rule: object) -> ScheduleSpec:
    return ScheduleSpec(missed=missed, **({"every": timedelta(minutes=5)} | rule))  # type: ignore[arg-type]


@pytest.mark.parametrize("missed", ["skip", "last", "all"])
def test_a_time_that_is_not_a_minute_late_is_handed_over_whatever_the_policy(missed: str) -> None:
    plan = due_now(policy(missed), NOW - MINUTE, NOW + GRACE)

    assert plan.times == (NOW,)
    assert plan.cursor == NOW
    assert not plan.more


@pytest.mark.parametrize("missed", ["skip", "last", "all"])
def test_a_short_failover_loses_no_time_of_a_frequent_schedule(missed: str) -> None:
    plan = due_now(policy(missed, every=timedelta(seconds=1)), NOW - timedelta(seconds=10), NOW)

    assert len(plan.times) == 10


@pytest.mark.parametrize("missed", ["skip", "last", "all"])
def test_nothing_due_leaves_the_cursor_alone(missed: str) -> None:
    plan = due_now(policy(missed), NOW, NOW + MINUTE)

    assert (plan.times, plan.cursor, plan.more) == ((), NOW, False)


def test_skip_drops_what_was_missed_and_goes_on_behind_it() -> None:
    plan = due_now(policy("skip"), NOW - HOUR, NOW + 2 * MINUTE)

    assert plan.times == ()
    assert plan.cursor == NOW


def test_skip_still_hands_over_what_is_merely_late() -> None:
    plan = due_now(policy("skip"), NOW - HOUR, NOW + MINUTE / 2)

    assert plan.times == (NOW,)


def test_last_makes_one_run_of_a_long_gap() -> None:
    plan = due_now(policy("last"), NOW - timedelta(days=40), NOW + 2 * MINUTE)

    assert plan.times == (NOW,)
    assert plan.cursor == NOW


def test_last_adds_nothing_when_a_time_is_due_anyway() -> None:
    plan = due_now(policy("last"), NOW - HOUR, NOW + MINUTE / 2)

    assert plan.times == (NOW,)


def test_all_hands_over_every_missed_time_in_order() -> None:
    plan = due_now(policy("all"), NOW - HOUR, NOW + 2 * MINUTE)

    assert plan.times == tuple(NOW - n * 5 * MINUTE for n in range(11, -1, -1))


def test_all_is_bounded_per_tick_and_the_rest_follows() -> None:
    spec = policy("all", every=MINUTE)
    cursor, rounds = NOW - timedelta(minutes=2_500), 0
    handed_over: list[datetime] = []

    while True:
        plan = due_now(spec, cursor, NOW)
        rounds += 1
        handed_over += plan.times
        cursor = plan.cursor
        assert len(plan.times) <= MAX_PER_TICK
        if not plan.more:
            break

    assert rounds == 3
    assert handed_over == [NOW - n * MINUTE for n in range(2_499, -1, -1)]


def test_a_clock_that_was_set_back_repeats_nothing() -> None:
    plan = due_now(policy("all"), NOW, NOW - HOUR)

    assert (plan.times, plan.cursor) == ((), NOW)


def test_the_last_of_a_decade_of_minutes_is_found_without_counting_them() -> None:
    assert last_due(EVERY_MINUTE, NOW - timedelta(days=3650), NOW) == NOW


# --- for all rules ------------------------------------------------------------------------------------------------

zones = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "Antarctica/Troll",
        "Africa/Casablanca",
    ]
)
instants = st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def field(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    lists = st.lists(numbers, min_size=1, max_size=3).map(lambda found: ",".join(map(str, found)))
    ranges = st.tuples(numbers, numbers).map(lambda ends: f"{min(ends)}-{max(ends)}")
    return st.one_of(st.just("*"), lists, ranges, st.integers(2, 20).map(lambda step: f"*/{step}"))


crons = st.tuples(
    field(0, 59), field(0, 23), st.just("*") | field(1, 28), field(1, 12), st.just("*") | field(0, 6)
).map(" ".join)
specs = st.one_of(
    st.builds(ScheduleSpec, cron=crons, timezone=zones),
    st.builds(ScheduleSpec, every=st.timedeltas(timedelta(seconds=1), timedelta(days=100))),
    st.builds(ScheduleSpec, at=st.lists(instants, min_size=1, max_size=5).map(tuple)),
)


@settings(deadline=None)
@given(cron=crons, zone=zones, after=instants)
def test_the_due_times_of_a_cron_line_are_those_of_cronsim(cron: str, zone: str, after: datetime) -> None:
    theirs = CronSim(cron, after.astimezone(ZoneInfo(zone)))
    expected: list[datetime] = []
    for due in theirs:
        if due > (expected[-1] if expected else after):
            expected.append(due.astimezone(UTC))
        if len(expected) == 20:
            break

    found: list[datetime] = []
    cursor = after
    while len(found) < len(expected) and (due_at := next_due(ScheduleSpec(cron=cron, timezone=zone), cursor)):
        found.append(due_at)
        cursor = due_at

    assert found == expected


@settings(deadline=None)
@given(spec=specs, after=instants, shift=st.timedeltas(timedelta(), timedelta(days=2)))
def test_it_makes_no_difference_from_when_on_one_asks(spec: ScheduleSpec, after: datetime, shift: timedelta) -> None:
    until = after + timedelta(days=3)

    early = due_between(spec, after, until, limit=500)
    late = due_between(spec, after + shift, until, limit=500)

    expected = [due for due in early if due > after + shift]
    assert late[: len(expected)] == expected


@settings(deadline=None)
@given(
    spec=specs,
    missed=st.sampled_from(["skip", "last", "all"]),
    cursor=instants,
    steps=st.lists(st.timedeltas(timedelta(), timedelta(hours=30)), min_size=1, max_size=4),
)
def test_no_time_is_ever_handed_over_twice_or_early(
    spec: ScheduleSpec, missed: str, cursor: datetime, steps: list[timedelta]
) -> None:
    spec = ScheduleSpec(cron=spec.cron, every=spec.every, at=spec.at, timezone=spec.timezone, missed=missed)
    now = cursor
    handed_over: list[datetime] = []

    for step in steps:
        now += step
        plan = due_now(spec, cursor, now)
        assert plan.cursor >= cursor
        assert all(cursor < due <= now for due in plan.times)
        handed_over += plan.times
        cursor = plan.cursor

    assert handed_over == sorted(set(handed_over))


@settings(deadline=None)
@given(spec=specs, cursor=instants, gap=st.timedeltas(timedelta(), timedelta(days=30)))
def test_the_last_due_time_is_the_last_of_all(spec: ScheduleSpec, cursor: datetime, gap: timedelta) -> None:
    everything = due_between(spec, cursor, cursor + gap, limit=5_000)

    if len(everything) < 5_000:
        assert last_due(spec, cursor, cursor + gap) == (everything[-1] if everything else None)
