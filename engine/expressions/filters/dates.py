"""Filters for points in time. A time is ISO 8601 text; a number is Unix time; without a zone it is UTC."""

import calendar
from datetime import UTC, datetime, timedelta

from engine.errors import ExpressionError
from engine.expressions.bounds import Budget
from engine.expressions.filters import moments
from engine.expressions.filters.arguments import number, text, whole
from engine.expressions.filters.table import Table
from engine.model.base import Json, parse_duration

TABLE = Table("Dates and times")
_COST = 20_000  # units for one date operation
_SPANS = ("minute", "hour", "day", "week", "month", "year")
_UNITS = {"milliseconds": 0.001, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}


@TABLE.add(
    "Read a time and write it as ISO 8601 in UTC. A time without a zone is taken to be in `zone`; "
    "`pattern` reads other forms, by `%Y %m %d %H %M %S %f`.",
    ("'2026-01-31T12:00:00+02:00' | to_date", "2026-01-31T10:00:00Z"),
    ("0 | to_date", "1970-01-01T00:00:00Z"),
    ("'31.01.2026' | to_date('%d.%m.%Y', zone='Europe/Berlin')", "2026-01-30T23:00:00Z"),
)
def to_date(budget: Budget, value: Json, pattern: Json = None, zone: Json = "UTC") -> Json:
    budget.spend(_COST)
    place = moments.zone_named(zone, "to_date")
    at = moments.read(value, "to_date", place) if pattern is None else _by_pattern(value, pattern, zone)
    return moments.write(_in_zone(at, "UTC", "to_date"))


@TABLE.add(
    "Write a time by a pattern of directives, in a zone: "
    "`%Y %y %m %d %e %H %I %M %S %f %p %A %a %B %b %j %u %G %V %F %T %R %s %z %Z %%`.",
    ("'2026-01-31T12:00:00Z' | format_date('%d %b %Y')", "31 Jan 2026"),
    ("'2026-01-31T12:00:00Z' | format_date('%F %R %z', 'Asia/Tokyo')", "2026-01-31 21:00 +0900"),
)
def format_date(budget: Budget, value: Json, pattern: Json = "%F", zone: Json = None) -> Json:
    budget.spend(_COST)
    at = moments.read(value, "format_date")
    return moments.written_as(at if zone is None else _in_zone(at, zone, "format_date"), pattern, "format_date")


@TABLE.add(
    "Move a time forward by a duration, or by so many seconds.",
    ("'2026-01-31T12:00:00Z' | add('1h30m')", "2026-01-31T13:30:00Z"),
    ("'2026-01-31T12:00:00Z' | add('-1d')", "2026-01-30T12:00:00Z"),
)
def add(budget: Budget, value: Json, duration: Json) -> Json:
    budget.spend(_COST)
    return moments.write(moments.shift(moments.read(value, "add"), _duration(duration, "add"), "add"))


@TABLE.add(
    "Move a time back by a duration, or by so many seconds.",
    ("'2026-01-31T12:00:00Z' | subtract('7d')", "2026-01-24T12:00:00Z"),
)
def subtract(budget: Budget, value: Json, duration: Json) -> Json:
    budget.spend(_COST)
    return moments.write(moments.shift(moments.read(value, "subtract"), -_duration(duration, "subtract"), "subtract"))


@TABLE.add(
    "Move a time by whole months; the day is cut to the length of the month.",
    ("'2026-01-31T12:00:00Z' | add_months(1)", "2026-02-28T12:00:00Z"),
)
def add_months(budget: Budget, value: Json, months: Json) -> Json:
    budget.spend(_COST)
    at = moments.read(value, "add_months")
    year, month = divmod(at.year * 12 + at.month - 1 + whole(months, "add_months", low=-120_000, high=120_000), 12)
    if not 1 <= year <= 9998:
        raise ExpressionError("add_months: the result is outside the years 1 to 9998")
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return moments.write(at.replace(year=year, month=month + 1, day=day))


@TABLE.add(
    "Tell how long after `other` a time is, in `milliseconds`, `seconds`, `minutes`, `hours`, `days` or `weeks`.",
    ("'2026-01-31T12:00:00Z' | date_diff('2026-01-31T11:00:00Z')", 3600.0),
    ("'2026-01-31T12:00:00Z' | date_diff('2026-02-01', 'hours')", -12.0),
)
def date_diff(budget: Budget, value: Json, other: Json, unit: Json = "seconds") -> Json:
    budget.spend(_COST)
    if not isinstance(unit, str) or unit not in _UNITS:
        raise ExpressionError(f"date_diff: the unit must be one of {', '.join(_UNITS)}")
    between = moments.read(value, "date_diff") - moments.read(other, "date_diff")
    return between.total_seconds() / _UNITS[unit]


@TABLE.add(
    "Write a time as ISO 8601 in a zone.",
    ("'2026-07-01T12:00:00Z' | to_timezone('Europe/Berlin')", "2026-07-01T14:00:00+02:00"),
)
def to_timezone(budget: Budget, value: Json, zone: Json) -> Json:
    budget.spend(_COST)
    return moments.write(_in_zone(moments.read(value, "to_timezone"), zone, "to_timezone"))


@TABLE.add(
    "Write a time as Unix time, in whole seconds or, with `unit='milliseconds'`, milliseconds.",
    ("'1970-01-01T00:01:00.5Z' | timestamp", 60),
    ("'1970-01-01T00:01:00.5Z' | timestamp('milliseconds')", 60_500),
)
def timestamp(budget: Budget, value: Json, unit: Json = "seconds") -> Json:
    budget.spend(_COST)
    if unit not in ("seconds", "milliseconds"):
        raise ExpressionError("timestamp: the unit must be seconds or milliseconds")
    passed = moments.read(value, "timestamp") - datetime(1970, 1, 1, tzinfo=UTC)
    return passed // timedelta(**{unit: 1})


@TABLE.add(
    "Go back to the start of the `minute`, `hour`, `day`, `week` (Monday), `month` or `year`, in a zone.",
    ("'2026-01-31T12:34:56Z' | start_of('hour')", "2026-01-31T12:00:00Z"),
    ("'2026-01-31T12:34:56Z' | start_of('week')", "2026-01-26T00:00:00Z"),
    ("'2026-01-31T12:00:00Z' | start_of('day', 'Europe/Berlin')", "2026-01-31T00:00:00+01:00"),
)
def start_of(budget: Budget, value: Json, unit: Json, zone: Json = "UTC") -> Json:
    budget.spend(_COST)
    at = _in_zone(moments.read(value, "start_of"), zone, "start_of").replace(second=0, microsecond=0)
    if not isinstance(unit, str) or unit not in _SPANS:
        raise ExpressionError(f"start_of: the unit must be one of {', '.join(_SPANS)}")
    start = _start(at, unit)
    if unit == "week":
        start = _days_before(start, start.weekday())
    return moments.write(start)


def _duration(value: Json, where: str) -> timedelta:
    try:
        if isinstance(value, str) and len(value) <= 100:
            known = value.strip()
            return -parse_duration(known[1:]) if known.startswith("-") else parse_duration(known.removeprefix("+"))
        return timedelta(seconds=number(value, where))
    except (ValueError, OverflowError):
        raise ExpressionError(f'{where} needs a duration such as "30s", "5m", "2h", "7d" or seconds') from None


def _in_zone(at: datetime, zone: Json, where: str) -> datetime:
    try:
        return at.astimezone(moments.zone_named(zone, where))
    except (OverflowError, ValueError):
        raise ExpressionError(f"{where}: the result is outside the years 1 to 9999") from None


def _by_pattern(value: Json, pattern: Json, zone: Json) -> datetime:
    return moments.read_as(text(value, "to_date"), pattern, moments.zone_named(zone, "to_date"), "to_date")


def _days_before(at: datetime, days: int) -> datetime:
    """Go back by days of the calendar, so that midnight stays midnight when the clocks change."""
    try:
        return at - timedelta(days=days)
    except OverflowError:
        raise ExpressionError("start_of: the result is outside the years 1 to 9999") from None


def _start(at: datetime, unit: str) -> datetime:
    match unit:
        case "minute":
            return at
        case "hour":
            return at.replace(minute=0)
        case "day" | "week":
            return at.replace(hour=0, minute=0)
        case "month":
            return at.replace(day=1, hour=0, minute=0)
        case _:
            return at.replace(month=1, day=1, hour=0, minute=0)
