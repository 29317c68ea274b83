"""When a schedule is due: cron lines, intervals and fixed times, as pure functions of instants.

The due times of a schedule are a fixed set, whoever asks and whenever: all schedulers agree on them without talking.
"""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from engine.model.base import require_utc
from engine.model.workflow import ScheduleSpec

MAX_PER_TICK = 1_000
"""So many events of one schedule are handed over at a time; the rest follows in the next tick."""

GRACE = timedelta(seconds=60)
"""A due time counts as missed when it is older. Younger ones are merely late (a failover, a restart, a slow database),
and are handed over one by one whatever the policy says."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueNow:
    """What to hand over now. ``cursor`` is where to go on from, ``more`` whether to do so at once."""

    times: tuple[datetime, ...]
    cursor: datetime
    more: bool = False


def next_due(spec: ScheduleSpec, after: datetime) -> datetime | None:
    """Return the first due time later than ``after``, in UTC; ``None`` if there is none in the next 50 years."""
    return next(_dues(spec, require_utc(after)), None)


def due_between(spec: ScheduleSpec, after: datetime, until: datetime, *, limit: int = MAX_PER_TICK) -> list[datetime]:
    """Return the due times later than ``after`` and not later than ``until``, oldest first, at most ``limit``."""
    within = itertools.takewhile(lambda due: due <= until, _dues(spec, require_utc(after)))
    return list(itertools.islice(within, limit))


def last_due(spec: ScheduleSpec, after: datetime, until: datetime) -> datetime | None:
    """Return the newest due time later than ``after`` and not later than ``until``."""
    if spec.every is not None:
        newest = _EPOCH + (until - _EPOCH) // spec.every * spec.every
        return newest if newest > after else None
    if spec.cron is None:
        return max((due for due in map(require_utc, spec.at) if after < due <= until), default=None)
    return _last_cron(spec, after, until)


def due_now(spec: ScheduleSpec, cursor: datetime, now: datetime) -> DueNow:
    """Decide which due times since ``cursor`` are handed over at ``now``; the one place that applies ``missed``.

    Why they were missed makes no difference: downtime, a disabled trigger, an unpublished workflow.

    - ``all``: every one, oldest first.
    - ``last``: the late ones (see ``GRACE``); if there are none, the newest missed one.
    - ``skip``: the late ones only.
    """
    newest = last_due(spec, cursor, now)
    if newest is None:
        return DueNow(times=(), cursor=cursor)
    oldest_late = now - GRACE - _MICROSECOND
    start = cursor if spec.missed == "all" else max(cursor, oldest_late)
    times = tuple(due_between(spec, start, now, limit=MAX_PER_TICK))
    if not times and spec.missed == "last":
        times = (newest,)
    if len(times) == MAX_PER_TICK and times[-1] < newest:
        return DueNow(times=times, cursor=times[-1], more=True)
    return DueNow(times=times, cursor=newest)


def _dues(spec: ScheduleSpec, after: datetime) -> Iterator[datetime]:
    if spec.cron is not None:
        return _cron(spec.cron, spec.timezone, after)
    if spec.every is not None:
        return _every(spec.every, after)
    return iter(sorted({due for due in map(require_utc, spec.at) if due > after}))


def _cron(line: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Cron as cronsim means it, which is as Debian's cron does it on days when clocks change.

    For jobs at fixed times cronsim counts in local time without a zone, so a start in the second pass of a repeated
    hour would bring the first pass once more; what is not later than ``after`` is dropped.
    """
    for due in CronSim(line, after.astimezone(ZoneInfo(zone))):
        instant = due.astimezone(UTC)
        if instant > after:
            after = instant
            yield instant


def _last_cron(spec: ScheduleSpec, after: datetime, until: datetime) -> datetime | None:
    """Look back in windows that grow eightfold.

    So neither a minutely line after a year of downtime nor a yearly one costs more than a few hundred steps. cronsim
    can go backwards itself, but then it resolves local times in a gap differently than forwards.
    """
    window = timedelta(minutes=1)
    while True:
        start = max(after, until - window)
        found = due_between(spec, start, until, limit=sys.maxsize)
        if found or start <= after:
            return found[-1] if found else None
        window *= 8


def _every(interval: timedelta, after: datetime) -> Iterator[datetime]:
    """Multiples of the interval since 1970-01-01T00:00Z, in elapsed time: clock changes do not matter."""
    if interval < timedelta(milliseconds=1):
        raise ValueError(f"an interval is at least 1 ms, not {interval}")
    count = (after - _EPOCH) // interval + 1
    try:
        for number in itertools.count(count):
            yield _EPOCH + number * interval
    except OverflowError:  # past the year 9999: never again
        return
