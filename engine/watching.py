"""What steps wait for besides calls: the end of an execution, and an event that matches.

The wait is written down before the step is recorded as waiting. An execution that is watched tells of its end in the
transaction that records it; a trigger that is awaited has its events kept for the matcher in the transaction that
stores them.
"""

import asyncio
from collections.abc import Awaitable, Callable

from engine.errors import InvalidInput
from engine.model.arrival import Awaited
from engine.model.base import ExecutionId, JsonObject, ProjectId
from engine.model.execution import Execution
from engine.model.waiting import EventWish
from engine.patience import until_available
from engine.ports import Clock, Database
from engine.repositories.children import OpenWait


class Watching:
    """Lets steps wait for executions and events. It waits while the database is away."""

    def __init__(
        self, *, database: Database, clock: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._database = database
        self._clock = clock
        self._sleep = sleep

    async def watch(self, project: ProjectId, execution_id: ExecutionId, path: str, target: ExecutionId) -> Execution:
        """Wait for the end of an execution, and return it as it is now; one that has ended is not waited for.

        Raises:
            InvalidInput: There is no such execution, or it is the one that waits.
        """

        async def begin() -> Execution | None:
            async with self._database.write() as uow:
                found = await uow.children.lock(target)
                if found is None or found.project_id != project:
                    return None
                if found.status.is_final:
                    await uow.children.close(execution_id, path)
                else:
                    await uow.children.watch(target)
                    wait = self._wait(execution_id, path, target, kind=Awaited.EXECUTION)
                    await uow.children.open(project, [wait])
                await uow.commit()
            return found

        if target == execution_id:
            raise InvalidInput(f'"{path}" cannot wait for the end of its own execution itself')
        found = await until_available(begin, what="watch an execution", sleep=self._sleep)
        if found is None:
            raise InvalidInput(f'"{path}" cannot wait for the execution "{target[:100]}", which is not there')
        return found

    async def subscribe(self, project: ProjectId, execution_id: ExecutionId, path: str, wish: EventWish) -> None:
        """Wait for the first event that matches, from the commit of this on.

        Raises:
            InvalidInput: There is no such workflow or trigger.
        """

        async def begin() -> str | None:
            async with self._database.write() as uow:
                workflow = await uow.workflows.find(project, wish.workflow)
                trigger = None if workflow is None else await uow.triggers.find_by_key(workflow.id, wish.key)
                if trigger is None:
                    return f'there is no trigger "{wish.key}" of the workflow "{wish.workflow}"'
                if await uow.events.begin_awaiting(trigger.id):
                    await uow.triggers.touch()
                wait = self._wait(execution_id, path, trigger.id, kind=Awaited.EVENT, details=wish.as_json())
                await uow.children.open(project, [wait])
                await uow.commit()
            return None

        problem = await until_available(begin, what="wait for an event", sleep=self._sleep)
        if problem is not None:
            raise InvalidInput(problem)

    async def forget(self, execution_id: ExecutionId, path: str) -> None:
        """Wait no longer."""

        async def end() -> None:
            async with self._database.write() as uow:
                await uow.children.close(execution_id, path)
                await uow.commit()

        await until_available(end, what="end a wait", sleep=self._sleep)

    def _wait(
        self, execution_id: ExecutionId, path: str, subject: str, *, kind: Awaited, details: JsonObject | None = None
    ) -> OpenWait:
        return OpenWait(
            execution_id=execution_id,
            path=path,
            subject=subject,
            kind=kind,
            opened_at=self._clock.now(),
            details=details,
        )
