"""Reads what is stored of executions and events, for those who look at them again."""

from engine.errors import Conflict, NotFound
from engine.model.base import EventId, ExecutionId, ProjectId
from engine.model.event import Event
from engine.model.execution import Execution
from engine.ports import UnitOfWork
from engine.trials.recording import Recording


async def of_execution(uow: UnitOfWork, project: ProjectId, execution_id: ExecutionId) -> Recording:
    """Read an execution with its event and its records; without its graph.

    Raises:
        NotFound; Conflict: Its event was removed.
    """
    execution = await uow.executions.find(project, execution_id)
    if execution is None:
        raise NotFound(f'there is no execution "{execution_id}"')
    event = await uow.events.find(project, execution.event_id)
    if event is None:
        raise Conflict("the event of this execution was removed")
    return await _recording(uow, event, execution)


async def of_event(uow: UnitOfWork, project: ProjectId, event_id: EventId) -> Recording:
    """Read an event with the execution that it started, if there is one. Raises NotFound."""
    event = await uow.events.find(project, event_id)
    if event is None:
        raise NotFound(f'there is no event "{event_id}"')
    started = event.execution_id
    execution = None if started is None else await uow.executions.find(project, started)
    return await _recording(uow, event, execution)


async def _recording(uow: UnitOfWork, event: Event, execution: Execution | None) -> Recording:
    if execution is None:
        route = await uow.triggers.route(event.trigger_id)
        return Recording(event=event, trigger_key="" if route is None else route.trigger.key)
    records = tuple(await uow.executions.steps(execution.id))
    return Recording(event=event, trigger_key=execution.trigger_key, execution=execution, records=records)
