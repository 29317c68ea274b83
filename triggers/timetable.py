"""Which key is due when. APScheduler is the timer engine underneath, and it decides nothing but when to ring.

Its own rules for cron, missed runs and coalescing are not used: see ``triggers.rules`` for what a schedule means.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from apscheduler.executors.debug import DebugExecutor as InlineExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger as OnceRule

from engine.ports import Clock
from engine.service import Alarm


class Timetable(Protocol):
    """What schedules need of a timer engine: one due time per key, and an alarm when one has come."""

    def put(self, key: str, due: datetime) -> None:
        """Make ``key`` due at ``due``, in place of any earlier entry; a time that is past is due at once."""

    def remove(self, key: str) -> None:
        """``key`` is not due any more; unknown keys are no error."""

    def take_due(self) -> Sequence[str]:
        """Return the keys that came due since the last call; each has to be put again."""

    def look(self) -> None:
        """Compare with the wall clock, which may have jumped while the timers stood (a suspended laptop)."""

    def bulk(self) -> AbstractContextManager[None]:
        """Hold the timers still while many entries change."""


class ApschedulerTimetable:
    """The real one. Use it as an async context manager; it rings ``alarm`` whenever a key comes due."""

    def __init__(self, clock: Clock, alarm: Alarm) -> None:
        # APScheduler tells the log of every job that comes and goes; with thousands of schedules that is noise.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        self._clock = clock
        self._alarm = alarm
        self._due: dict[str, None] = {}
        self._engine = AsyncIOScheduler(timezone=UTC, executors={"default": InlineExecutor()})

    async def __aenter__(self) -> Self:
        self._engine.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.shutdown(wait=False)
        await asyncio.sleep(0)  # it puts its own end off to the loop's next turn

    def put(self, key: str, due: datetime) -> None:
        """See ``Timetable``."""
        # APScheduler reads the wall clock. Asking ours first makes it ring a moment late rather than a moment early.
        wait = due - self._clock.now()
        self._engine.add_job(
            self._come_due,
            OnceRule(datetime.now(UTC) + wait, timezone=UTC),
            args=[key],
            id=key,
            replace_existing=True,
            misfire_grace_time=None,  # late is for the schedule's own policy to judge
        )

    def remove(self, key: str) -> None:
        """See ``Timetable``."""
        self._due.pop(key, None)
        if self._engine.get_job(key) is not None:
            self._engine.remove_job(key)

    def take_due(self) -> Sequence[str]:
        """See ``Timetable``."""
        due, self._due = list(self._due), {}
        return due

    def look(self) -> None:
        """See ``Timetable``."""
        self._engine.wakeup()

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """See ``Timetable``."""
        self._engine.pause()
        try:
            yield
        finally:
            self._engine.resume()

    def _come_due(self, key: str) -> None:
        self._due[key] = None
        self._alarm.ring()
