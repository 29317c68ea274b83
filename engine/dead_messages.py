"""Messages that killed their consumer again and again become dead letters that a person can see and replay.

RabbitMQ counts a return for every message that a dying consumer held, for those too that it had only fetched and for
those whose neighbours did the killing. So a death proves little: the executions are announced again, each in a message
of its own, and only those that go on dying are given up.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from engine.errors import Category
from engine.fingerprint import fingerprint
from engine.model.base import ExecutionId, ExecutorId, new_id
from engine.model.execution import Claimed, DeadLetter, ExecutionRecord, Failure, Status
from engine.model.workflow import Lane
from engine.ports import Broker, Clock, Database
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

CODE = "message_dead"
MAX_DEATHS = 3
_MESSAGE = "every executor that received this execution died before claiming it; replay it once the cause is found"


class DeadMessages:
    """Announce the executions of dead messages again, and fail them when they have died three times.

    The ids leave the broker first, and deaths are counted in memory only. A crash in between leaves queued rows, which
    the announcer publishes again, so that they die once more and come back here; it, or another leader, begins to
    count anew. Executions that somebody claimed meanwhile are left alone.

    Args:
        batch: How many ids one pass takes from the broker.
        bound: Of how many executions the deaths are remembered; the longest ago are forgotten first.
        memory: How long a death is remembered.
    """

    name = "dead_messages"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        clock: Clock,
        *,
        batch: int = 100,
        bound: int = 10_000,
        memory: timedelta = timedelta(hours=1),
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._batch = batch
        self._deaths = _Deaths(bound=bound, memory=memory)

    async def tick(self) -> timedelta:
        """Take one batch from the broker, bury some of it and announce the rest."""
        taken = await self._broker.take_dead(limit=self._batch)
        if not taken:
            return timedelta(seconds=5)
        now = self._clock.now()
        lanes = await self._lanes_of_queued(dict.fromkeys(taken))
        hopeless = [execution_id for execution_id in lanes if self._deaths.count(execution_id, now) >= MAX_DEATHS]
        if hopeless:
            await self._bury(hopeless, now)
        await self._announce({each: lane for each, lane in lanes.items() if each not in hopeless})
        return AT_ONCE

    async def _lanes_of_queued(self, ids: Collection[ExecutionId]) -> Mapping[ExecutionId, Lane]:
        async with self._database.read() as uow:
            found = [await uow.executions.outcome(execution_id) for execution_id in ids]
        return {each.id: each.lane for each in found if each is not None and each.status is Status.QUEUED}

    async def _announce(self, lanes: Mapping[ExecutionId, Lane]) -> None:
        for execution_id, lane in lanes.items():
            # Alone: in one message with others, one that kills would take them along again.
            await self._broker.publish(lane, [execution_id])
        if lanes:
            log.warning("dead messages announced again", extra={"count": len(lanes)})

    async def _bury(self, ids: Sequence[ExecutionId], now: datetime) -> None:
        # An owner of its own, known to nobody else: it claims and finishes within this one transaction.
        owner = ExecutorId(new_id())
        async with self._database.write() as uow:
            claimed = await uow.executions.claim(ids, owner=owner, now=now)
            if claimed:
                await uow.executions.record([_failed(execution, owner, now) for execution in claimed])
                await uow.commit()
        self._deaths.forget(ids)
        if claimed:
            log.error("dead messages became dead letters", extra={"count": len(claimed)})


class _Deaths:
    """How often the messages of executions died lately."""

    def __init__(self, *, bound: int, memory: timedelta) -> None:
        self._bound = bound
        self._memory = memory
        self._counts: dict[ExecutionId, tuple[int, datetime]] = {}  # in the order of the last death

    def count(self, execution_id: ExecutionId, now: datetime) -> int:
        """Count one more death; return how many there were, with this one."""
        before, last = self._counts.pop(execution_id, (0, now))
        deaths = before + 1 if last + self._memory > now else 1
        self._counts[execution_id] = deaths, now
        if len(self._counts) > self._bound:
            del self._counts[next(iter(self._counts))]
        return deaths

    def forget(self, ids: Collection[ExecutionId]) -> None:
        for execution_id in ids:
            self._counts.pop(execution_id, None)


def _failed(execution: Claimed, owner: ExecutorId, now: datetime) -> ExecutionRecord:
    letter = DeadLetter(
        id=new_id(),
        project_id=execution.project_id,
        workflow_id=execution.workflow_id,
        execution_id=execution.id,
        step=None,
        code=CODE,
        message=_MESSAGE,
        fingerprint=fingerprint(None, CODE, _MESSAGE),
        created_at=now,
    )
    return ExecutionRecord(
        id=execution.id,
        owner=owner,
        epoch=execution.epoch,
        status=Status.FAILED,
        finished_at=now,
        error=Failure(code=CODE, message=_MESSAGE, category=Category.PERMANENT),
        dead_letter=letter,
    )
