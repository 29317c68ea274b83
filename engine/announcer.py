"""Telling executors which executions are queued: right after a commit, and again where nobody seems to have heard.

The rows are the truth and a message is only news of them, so news may be dropped here without harm.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self

from engine.errors import Unavailable
from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import MAX_IDS_PER_MESSAGE, Broker, Clock, Database
from engine.service import leave_group

log = logging.getLogger(__name__)


class Announces(Protocol):
    """What those need who have just committed queued executions."""

    def announce(self, ids_by_lane: Mapping[Lane, Sequence[ExecutionId]]) -> None:
        """Pass the news on; never waits, never raises."""


class Announcements:
    """Publish ids in the background. An idle lane sends at once; a busy one sends together what collected meanwhile.

    Use it as an async context manager; leaving it sends what is left, unless the broker fails.

    Args:
        parallel: How many publishes of one lane may wait for the broker's confirmation at the same time.
        bound: How many ids of one lane are kept at most; further ones are left to the announcer.
        timeout: How long one publish may take.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        parallel: int = 4,
        bound: int = 100_000,
        timeout: timedelta = timedelta(seconds=10),
    ) -> None:
        self._broker = broker
        self._parallel = parallel
        self._bound = bound
        self._timeout = timeout.total_seconds()
        self._pending: dict[Lane, deque[ExecutionId]] = {lane: deque() for lane in Lane}
        self._sending: dict[Lane, int] = dict.fromkeys(Lane, 0)
        self._group: asyncio.TaskGroup | None = None
        self._away = False
        self.dropped = 0

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        group, self._group = self._group, None
        if group is not None:
            await leave_group(group, exc)

    def announce(self, ids_by_lane: Mapping[Lane, Sequence[ExecutionId]]) -> None:
        """Send these ids soon. Never waits, never raises; what cannot be kept or sent is counted in ``dropped``."""
        for lane, ids in ids_by_lane.items():
            pending = self._pending[lane]
            room = 0 if self._group is None else self._bound - len(pending)
            pending.extend(ids[:room])
            if len(ids) > room:
                self._drop(len(ids) - room, "the broker is too slow" if self._group else "shutting down")
            if self._group is not None and pending and self._sending[lane] < self._parallel:
                self._sending[lane] += 1
                self._group.create_task(self._send(lane))

    def signal(self, topic: str, body: bytes) -> None:
        """Send a hint soon. Never waits, never raises; it may be lost, like every hint."""
        if self._group is not None:
            self._group.create_task(self._broker.signal(topic, body))

    async def _send(self, lane: Lane) -> None:
        pending = self._pending[lane]
        try:
            while pending:
                batch = [pending.popleft() for _ in range(min(len(pending), MAX_IDS_PER_MESSAGE * MAX_IDS_PER_MESSAGE))]
                await self._publish(lane, batch)
        finally:
            self._sending[lane] -= 1

    async def _publish(self, lane: Lane, batch: Sequence[ExecutionId]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._broker.publish(lane, batch)
        except (Unavailable, TimeoutError) as exc:
            left = len(self._pending[lane])
            self._pending[lane].clear()  # they would fail alike, one timeout after another
            self._drop(len(batch) + left, str(exc) or "the broker did not confirm in time")
        else:
            if self._away:
                self._away = False
                log.info("announcing again", extra={"dropped": self.dropped})

    def _drop(self, count: int, reason: str) -> None:
        self.dropped += count
        if not self._away:
            self._away = True
            log.warning(
                "announcements dropped, the announcer will repeat them", extra={"count": count, "reason": reason}
            )


class Announcer:
    """Publish queued rows again that nobody heard of, without publishing a long backlog twice.

    An empty lane means that whatever is still queued was never announced, or its message was lost. In a lane with
    messages only those are repeated that newer executions have overtaken.

    Args:
        patience: How long a row may be queued before an empty lane makes it suspicious.
        overtaken_by: By how much a running execution must be younger to have overtaken a queued one.
        silence: How long an id is not repeated in a lane that has had messages all the time.
        limit: How many ids of a lane one pass repeats.
    """

    name = "announcer"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        clock: Clock,
        *,
        patience: timedelta = timedelta(seconds=2),
        overtaken_by: timedelta = timedelta(seconds=10),
        silence: timedelta = timedelta(seconds=30),
        limit: int = 2_000,
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._patience = patience
        self._overtaken_by = overtaken_by.total_seconds()
        self._silence = silence
        self._limit = limit
        self._repeated: dict[Lane, dict[ExecutionId, datetime]] = {lane: {} for lane in Lane}

    async def tick(self) -> timedelta:
        """Look at every lane once; sooner again while a lane has more unheard rows than one pass sends."""
        full = [lane for lane in Lane if await self._repeat(lane) >= self._limit]
        return timedelta(milliseconds=200) if full else timedelta(seconds=1)

    async def _repeat(self, lane: Lane) -> int:
        now = self._clock.now()
        repeated = self._repeated[lane]
        empty = await self._broker.depth(lane) == 0
        if empty:
            repeated.clear()
        else:
            self._forget(repeated, before=now - self._silence)
        async with self._database.read() as uow:
            if empty:
                found = await uow.executions.unheard(lane, queued_before=now - self._patience, limit=self._limit)
            else:
                found = await uow.executions.overtaken(lane, by=self._overtaken_by, limit=self._limit)
        ids = [execution_id for execution_id in found if execution_id not in repeated]
        if ids:
            await self._broker.publish(lane, ids)
            repeated.update(dict.fromkeys(ids, now))
            log.info("announced again", extra={"lane": lane.value, "count": len(ids), "empty": empty})
        return len(ids)

    @staticmethod
    def _forget(repeated: dict[ExecutionId, datetime], *, before: datetime) -> None:
        """Ids are in the order of their repetition, so the old ones come first."""
        old = [execution_id for execution_id, at in repeated.items() if at <= before]
        for execution_id in old:
            del repeated[execution_id]
