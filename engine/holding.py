"""Events that were held while their workflow was paused: started in their order once it is active again."""

from datetime import timedelta

from engine.graphs import Graphs
from engine.intake import Announcements
from engine.model.base import ExecutionId
from engine.model.event import Event, Fate, NewExecution
from engine.model.workflow import Lane
from engine.ports import Clock, Database, UnitOfWork
from engine.service import AT_ONCE
from engine.starting import new_execution

BATCH = 200
IDLE = timedelta(seconds=1)


class Releaser:
    """Starts held events of active workflows. Two releasers at once do no harm: each event is settled once."""

    name = "releaser"

    def __init__(self, *, database: Database, graphs: Graphs, announcements: Announcements, clock: Clock) -> None:
        self._database = database
        self._graphs = graphs
        self._announcements = announcements
        self._clock = clock

    async def tick(self) -> timedelta:
        """Release one batch, oldest first, on the version that is published now."""
        started: dict[Lane, list[ExecutionId]] = {}
        async with self._database.write() as uow:
            events = await uow.events.releasable(limit=BATCH)
            for event in events:
                execution = await self._execution(uow, event)
                if await uow.events.settle(event.id, fate=Fate.STARTED, reason="released", execution_id=execution.id):
                    await uow.executions.insert([execution])
                    started.setdefault(execution.lane, []).append(execution.id)
            await uow.commit()
        if started:
            self._announcements.announce(started)
        return AT_ONCE if len(events) == BATCH else IDLE

    async def _execution(self, uow: UnitOfWork, event: Event) -> NewExecution:
        route = await uow.triggers.route(event.trigger_id)
        if route is None:
            raise LookupError(f"the trigger of the held event {event.id} is gone")
        trigger = route.trigger
        settings = (await self._graphs.definition(trigger.version_id, within=uow)).settings
        return new_execution(
            project_id=event.project_id,
            workflow_id=event.workflow_id,
            version_id=trigger.version_id,
            trigger_id=event.trigger_id,
            trigger_key=trigger.key,
            event_id=event.id,
            settings=settings,
            now=self._clock.now(),
        )
