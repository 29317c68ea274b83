"""Pause and resume single executions.

A queued or waiting execution is paused at once. A running one is asked to: its executor starts no further node, records
the effects under way when they end, and hands it back as paused. The request is a column, so nothing depends on the
signal: whoever hands the execution back, the executor or the reaper, hands it back as paused.
"""

from datetime import timedelta

from engine.announcer import Announces
from engine.audit import Act, audit
from engine.errors import Conflict, NotFound
from engine.model.base import ExecutionId, ProjectId
from engine.model.execution import Execution, Status
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.signals import PAUSING, RESUMED

BATCH = 500
EVERY = timedelta(seconds=1)


class Pausing:
    """People's acts. Each is one transaction with an audit row; the signal comes after the commit."""

    def __init__(self, *, database: Database, broker: Broker, announcements: Announces, clock: Clock) -> None:
        self._database = database
        self._broker = broker
        self._announcements = announcements
        self._clock = clock

    async def pause(self, project: ProjectId, execution_id: ExecutionId, *, actor: str) -> None:
        """Let an execution start no further node until it is resumed. Its time limit goes on counting.

        Raises:
            NotFound; Conflict: It has ended, is paused, or was asked to pause before.
        """
        async with self._database.write() as uow:
            execution = await _find(uow, project, execution_id)
            had = await uow.executions.pause(execution_id, now=self._clock.now())
            if had is None:
                raise Conflict(_why_not(execution))
            details = {"was": had.value}
            await audit(uow, self._clock, Act(project, actor), "execution.pause", target=execution_id, details=details)
            await uow.commit()
        if had is Status.RUNNING:
            await self._broker.signal(PAUSING, execution_id.encode())

    async def resume(self, project: ProjectId, execution_id: ExecutionId, *, actor: str) -> None:
        """Let a paused execution go on where it was; a wait that became due meanwhile is over.

        Raises:
            NotFound; Conflict: It is not paused, and nobody asked it to pause.
        """
        async with self._database.write() as uow:
            execution = await _find(uow, project, execution_id)
            back = await uow.executions.unpause(execution_id, now=self._clock.now())
            if back is None:
                raise Conflict(f"the execution is {execution.status.value}, not paused")
            status, lane = back
            details = {"to": status.value}
            await audit(uow, self._clock, Act(project, actor), "execution.resume", target=execution_id, details=details)
            await uow.commit()
        if status is Status.QUEUED:
            self._announcements.announce({lane: [execution_id]})
        elif status is Status.RUNNING:
            await self._broker.signal(RESUMED, execution_id.encode())


class PauseReminder:
    """Repeats the requests that no executor has followed yet: a signal may be lost. Repeating one does no harm."""

    name = "pause_reminder"

    def __init__(self, database: Database, broker: Broker) -> None:
        self._database = database
        self._broker = broker

    async def tick(self) -> timedelta:
        """Repeat one batch."""
        async with self._database.read() as uow:
            asked = await uow.executions.pausing(limit=BATCH)
        for execution_id in asked:
            await self._broker.signal(PAUSING, execution_id.encode())
        return EVERY


async def _find(uow: UnitOfWork, project: ProjectId, execution_id: ExecutionId) -> Execution:
    execution = await uow.executions.find(project, execution_id)
    if execution is None:
        raise NotFound(f'there is no execution "{execution_id}"')
    return execution


def _why_not(execution: Execution) -> str:
    if execution.status.is_final:
        return f"the execution has ended already, as {execution.status.value}"
    if execution.status is Status.PAUSED:
        return "the execution is paused already"
    return "the execution was asked to pause already, and will when the effects under way have ended"
