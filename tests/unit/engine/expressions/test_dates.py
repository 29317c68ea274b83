"""Dates: what is read, zones and changes of the clocks, and the ends of time."""

from typing import Any

import pytest

from engine.errors import ExpressionError
from engine.expressions import compile_expression


def value_of(text: str, value: Any = None) -> Any:
    return compile_expression(text).evaluate({"input": value, "now": "2026-03-28T12:00:00Z"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("2026-01-31 10:20", "2026-01-31T10:20:00Z"),
        ("20260131T102030Z", "2026-01-31T10:20:30Z"),
        ("2026-01-31T10:20:30.123456+01:00", "2026-01-31T09:20:30.123456Z"),
        (1_769_854_830, "2026-01-31T10:20:30Z"),
        (1_769_854_830_500, "2026-01-31T10:20:30.500000Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ],
)
def test_times_are_read_from_iso_8601_and_unix_time(value: object, expected: str) -> None:
    assert value_of("input | to_date", value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        1e20,
        -(10**12) * 10**9,
        True,
        [],
        "9" * 100,
        "0001-01-01T00:00+14:00",
    ],
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(ExpressionError, match="to_date"):
        value_of("input | to_date", value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now | add('1d')", "2026-03-29T12:00:00Z"),
        ("now | to_timezone('Europe/Berlin') | add('24h')", "2026-03-29T13:00:00+01:00"),
        ("now | add('PT1H30M') | format_date('%T')", "13:30:00"),
        ("now | subtract(60)", "2026-03-28T11:59:00Z"),
        ("now | add(0.5)", "2026-03-28T12:00:00.500000Z"),
        ("now | add_months(-1)", "2026-02-28T12:00:00Z"),
        ("'2024-02-29' | add_months(12)", "2025-02-28T00:00:00Z"),
        ("now | add_months(-15) | format_date('%b %Y')", "Dec 2024"),
        ("now | start_of('month')", "2026-03-01T00:00:00Z"),
        ("now | start_of('year', 'America/New_York')", "2026-01-01T00:00:00-05:00"),
        ("'2026-03-31T12:00:00Z' | start_of('week', 'Europe/Berlin')", "2026-03-30T00:00:00+02:00"),
        ("'2026-03-29T12:00:00Z' | start_of('week', 'Europe/Berlin')", "2026-03-23T00:00:00+01:00"),
        ("now | to_timezone('+05:30')", "2026-03-28T17:30:00+05:30"),
        ("now | format_date('%A %e. %B %y, %I:%M %p, %j, %u, %G-W%V %s %%', 'UTC')", ...),
        ("now | date_diff('2026-03-21T12:00:00Z', 'weeks')", 1.0),
        ("'1/2/26 3:04' | to_date('%d/%m/%Y %H:%M')", "0026-02-01T03:04:00Z"),
        ("'2026-01-02 03:04:05.25' | to_date('%Y-%m-%d %H:%M:%S.%f')", "2026-01-02T03:04:05.250000Z"),
    ],
)
def test_arithmetic_with_times(text: str, expected: Any) -> None:
    if expected is ...:
        expected = "Saturday 28. March 26, 12:00 PM, 087, 6, 2026-W13 1774699200 %"

    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("now | to_timezone('Mars/Olympus')", 'unknown time zone "Mars/Olympus"'),
        ("now | to_timezone('../../etc/passwd')", "unknown time zone"),
        ("now | to_timezone('')", "unknown time zone"),
        ("now | to_timezone('America')", "unknown time zone"),
        ("now | to_timezone('+99:99')", "unknown time zone"),
        ("now | add('soon')", "needs a duration"),
        ("now | add([])", "needs a number"),
        ("now | add(1e300)", "needs a duration"),
        ("now | add('999999999d')", "outside the years"),
        ("now | add_months(100000)", "outside the years"),
        ("now | date_diff(now, 'eons')", "the unit must be one of"),
        ("now | start_of('eon')", "the unit must be one of"),
        ("now | timestamp('days')", "seconds or milliseconds"),
        ("now | format_date('%Q')", 'unknown directive "%Q"'),
        ("now | format_date('%')", 'unknown directive "%"'),
        ("now | format_date('%010000000Y')", "unknown directive"),
        ("'0001-01-01' | to_timezone('America/New_York')", "outside the years"),
        ("'0001-01-03' | start_of('week', 'Asia/Tokyo') | subtract('7d')", "cannot read"),
        ("'x' | to_date('%d')", "does not fit the pattern"),
        ("'12x' | to_date('%d')", "does not fit the pattern"),
        ("'99' | to_date('%d')", "does not fit the pattern"),
        ("'1' | to_date('%A')", 'cannot read "%A"'),
    ],
)
def test_what_does_not_work_says_so(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        value_of(text)

    assert said in str(raised.value)
