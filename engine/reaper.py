"""What becomes of the work of executors that died: it is queued again, under a higher epoch."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from engine.admission import by_lane
from engine.announcer import Announces
from engine.errors import Unavailable
from engine.model.base import ExecutionId, ExecutorId, JsonObject
from engine.model.workflow import Lane
from engine.ports import Clock, Database, UnitOfWork
from engine.service import AT_ONCE, Background

log = logging.getLogger(__name__)

BEAT_EVERY = timedelta(seconds=3)
OVERDUE_AFTER = timedelta(seconds=15)
SAFETY_MARGIN = timedelta(seconds=3)
"""How much earlier than the reaper an executor gives itself up, for clocks that differ and effects under way."""


CONFIRMED_AFTER = timedelta(seconds=7)
"""How long a silence must be watched that looks old already: two beats, and a second for the clocks' pace."""


class Silences:
    """Who has been silent for how long, by the watcher's own steady clock.

    The times that executors write down are only compared with one another: clocks of machines differ, and jump. A
    silence that was long before the watch began needs ``CONFIRMED_AFTER`` more.
    """

    def __init__(self, limit: timedelta, monotonic: Callable[[], float]) -> None:
        self._limit = limit.total_seconds()
        self._monotonic = monotonic
        self._since: dict[ExecutorId, tuple[datetime, float]] = {}

    def overdue(self, seen: Mapping[ExecutorId, datetime], now: datetime) -> list[ExecutorId]:
        """Return those of ``seen``, which gives each executor's last sign of life, that have been silent too long."""
        moment, known = self._monotonic(), self._since
        self._since = {}
        for executor, seen_at in seen.items():
            before = known.get(executor)
            if before is None:
                looks_old = (now - seen_at).total_seconds() > self._limit
                head_start = self._limit - CONFIRMED_AFTER.total_seconds() if looks_old else 0.0
                self._since[executor] = seen_at, moment - max(head_start, 0.0)
            else:
                self._since[executor] = before if before[0] == seen_at else (seen_at, moment)
        return [executor for executor, (_, since) in self._since.items() if moment - since > self._limit]


class Reaper:
    """Queue the running executions of executors whose heartbeat is overdue, or who have no heartbeat at all.

    Reaping a living executor by mistake does no harm: its later writes name an old epoch and change nothing.
    """

    name = "reaper"

    def __init__(
        self,
        database: Database,
        announcements: Announces,
        clock: Clock,
        *,
        overdue_after: timedelta = OVERDUE_AFTER,
        batch: int = 500,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._silences = Silences(overdue_after, monotonic)
        self._batch = batch

    async def tick(self) -> timedelta:
        """Requeue one batch. An executor's row goes only when nothing of it is left, so a crash loses no work."""
        async with self._database.read() as uow:
            if not any(await self._dead(uow, self._clock.now())):
                return timedelta(seconds=1)
        async with self._database.write() as uow:
            queued, overdue = await self._requeue(uow, self._clock.now())
            await uow.commit()
        self._announcements.announce(by_lane(queued))
        if queued or overdue:
            log.warning("dead executors' executions requeued", extra={"count": len(queued), "executors": overdue})
        return AT_ONCE if len(queued) == self._batch else timedelta(seconds=1)

    async def _dead(self, uow: UnitOfWork, now: datetime) -> tuple[Sequence[ExecutorId], Sequence[ExecutorId]]:
        """Those whose heartbeat is overdue, and owners that have no row."""
        overdue = self._silences.overdue(await uow.liveness.executors(), now)
        return overdue, await uow.executions.orphans(limit=self._batch)

    async def _requeue(
        self, uow: UnitOfWork, now: datetime
    ) -> tuple[Sequence[tuple[ExecutionId, Lane]], Sequence[ExecutorId]]:
        overdue, orphans = await self._dead(uow, now)
        owners = [*overdue, *orphans]
        if not owners:  # one has beaten again, or another reaper was faster
            return (), ()
        queued = await uow.executions.requeue(owners, now=now, limit=self._batch)
        if len(queued) < self._batch and overdue:
            await uow.liveness.remove(overdue)
        return queued, owners


class Heartbeat:
    """An executor's sign of life: one row, renewed every 3 s while the context is open, removed when it ends.

    Entering makes the first beat. ``alive`` turns false before the reaper takes the executor's work away, so that an
    executor that cannot reach the database stops starting effects that another would repeat.
    """

    name = "heartbeat"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        executor: ExecutorId,
        *,
        details: Callable[[], JsonObject] = dict,
        every: timedelta = BEAT_EVERY,
        overdue_after: timedelta = OVERDUE_AFTER,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._executor = executor
        self._details = details
        self._every = every
        self._trusted_for = (overdue_after - SAFETY_MARGIN).total_seconds()
        self._last: float | None = None
        self._beating = Background(self)

    @property
    def alive(self) -> bool:
        """Whether no reaper can have given this executor up yet."""
        return self._last is not None and self._monotonic() - self._last < self._trusted_for

    async def __aenter__(self) -> Self:
        """Raises Unavailable: the database is away; nothing has begun."""
        await self.tick()
        await self._beating.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._beating.__aexit__(kind, exc, trace)
        finally:
            await self._leave()

    async def _leave(self) -> None:
        self._last = None
        try:
            async with asyncio.timeout(self._every.total_seconds()), self._database.write() as uow:
                await uow.liveness.remove([self._executor])
                await uow.commit()
        except (Unavailable, TimeoutError):
            log.info("heartbeat not removed, the reaper will", extra={"executor": self._executor})

    async def tick(self) -> timedelta:
        """Beat once. The instant that counts is the one before the database was asked."""
        moment = self._monotonic()
        async with asyncio.timeout(self._every.total_seconds()), self._database.write() as uow:
            await uow.liveness.beat(self._executor, now=self._clock.now(), details=self._details())
            await uow.commit()
        self._last = moment
        return self._every
