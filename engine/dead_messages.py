"""Messages that killed their consumer again and again become dead letters that a person can see and replay."""

import logging
from datetime import datetime, timedelta

from engine.errors import Category
from engine.fingerprint import fingerprint
from engine.model.base import ExecutorId, new_id
from engine.model.execution import Claimed, DeadLetter, ExecutionRecord, Failure, Status
from engine.ports import Broker, Clock, Database
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

CODE = "message_dead"
_MESSAGE = "every executor that received this execution died before claiming it; replay it once the cause is found"


class DeadMessages:
    """Fail the executions of messages that the broker gave up.

    The ids leave the broker first. A crash in between leaves queued rows, which the announcer publishes again, so that
    they die once more and come back here. Executions that somebody claimed meanwhile are left alone.
    """

    name = "dead_messages"

    def __init__(self, database: Database, broker: Broker, clock: Clock, *, batch: int = 100) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._batch = batch

    async def tick(self) -> timedelta:
        """Bury one batch."""
        ids = await self._broker.take_dead(limit=self._batch)
        if not ids:
            return timedelta(seconds=5)
        now = self._clock.now()
        # An owner of its own, known to nobody else: it claims and finishes within this one transaction.
        owner = ExecutorId(new_id())
        async with self._database.write() as uow:
            claimed = await uow.executions.claim(ids, owner=owner, now=now)
            if claimed:
                await uow.executions.record([_failed(execution, owner, now) for execution in claimed])
                await uow.commit()
        if claimed:
            log.error("dead messages became dead letters", extra={"count": len(claimed)})
        return AT_ONCE


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
