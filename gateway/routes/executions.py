"""Executions: what ran, how far it is, and what people do to it."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta

from engine.errors import NotFound
from engine.history import without_openings
from engine.model.access import Scope
from engine.model.base import EventId, ExecutionId, TriggerId
from engine.model.event import Event
from engine.model.execution import Execution, Status
from engine.ports import UnitOfWork
from engine.replay_choices import FAILED, Choice
from engine.repositories import ExecutionFilter, Page
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, IdText, Instant, PageQuery, Query
from gateway.retelling import Recorded, read_recorded, tell
from gateway.views.events import event_detail
from gateway.views.executions import (
    ExecutionDetail,
    ExecutionPage,
    ExecutionRef,
    ExecutionView,
    execution_view,
    progress_of,
    shared,
)
from gateway.views.logs import LogLines, log_lines
from gateway.views.steps import step_view


class ExecutionQuery(PageQuery, frozen=True, kw_only=True):
    """Which executions to list. ``since`` is inclusive, ``until`` is not; both mean the time of creation."""

    workflow: Annotated[str, Meta(max_length=200, description="the id or name of a workflow")] | None = None
    trigger: IdText | None = None
    event: IdText | None = None
    parent: IdText | None = None
    status: Annotated[tuple[Status, ...], Meta(description="any of these; repeat it, or divide by commas")] = ()
    since: Instant | None = None
    until: Instant | None = None
    text: Annotated[str, Meta(max_length=200, description="stands in the output or the error")] | None = None


class Cancellation(Body, frozen=True, kw_only=True):
    """Why an execution is cancelled; shown with it."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class Replay(Body, frozen=True, kw_only=True, rename={"begin": "from"}):
    """How an execution is to run again. ``input`` replaces the data of its event, as they came in."""

    begin: Annotated[str, Meta(min_length=1, max_length=300, description="`start`, `failed` or the path of a step")] = (
        FAILED
    )
    version: Literal["same", "published"] = "same"
    input: Any = UNSET


async def list_executions(call: Call[ExecutionQuery, None]) -> ExecutionPage:
    """List executions, newest first."""
    query, project = call.query, call.caller.project
    async with call.hub.database.read() as uow:
        workflow_id = None
        if query.workflow is not None:
            workflow_id = (await uow.workflows.get(project, query.workflow)).id
        where = ExecutionFilter(
            workflow_id=workflow_id,
            trigger_id=None if query.trigger is None else TriggerId(query.trigger),
            event_id=None if query.event is None else EventId(query.event),
            parent_id=None if query.parent is None else ExecutionId(query.parent),
            statuses=frozenset(query.status),
            since=query.since,
            until=query.until,
            text=query.text,
        )
        found = await uow.executions.list(project, where, Page(limit=query.limit, after=query.after))
    return ExecutionPage(
        items=[execution_view(execution) for execution in found],
        next=found[-1].id if len(found) == query.limit else None,
    )


async def get_execution(call: Call[Query, None]) -> ExecutionDetail:
    """Get an execution with its event, its steps and its progress.

    Nodes that were skipped, and what a node passed on unchanged, are worked out from the recorded steps. Of more than
    200 steps only the outermost are here, and `more_steps` counts the others.
    """
    async with call.hub.database.read() as uow:
        execution, event, recorded = await _load(call, uow)
        number = await call.api.numbers.get(uow, execution.version_id)
    told = await tell(call.hub, execution, event, recorded)
    return ExecutionDetail(
        **shared(execution),
        event=None if event is None else event_detail(event),
        version=number,
        steps=[step_view(record, told.history.parts) for record in told.history.steps],
        more_steps=told.left_out,
        progress=progress_of(told.history, execution.status),
    )


async def get_execution_logs(call: Call[Query, None]) -> LogLines:
    """Get what an execution did, line by line in the order of time.

    Of more than 200 steps only the outermost are told, and `more_steps` counts the others.
    """
    async with call.hub.database.read() as uow:
        execution, event, recorded = await _load(call, uow)
    lines = log_lines(execution, event, without_openings(recorded.records))
    return LogLines(items=lines, more_steps=recorded.total - len(recorded.records))


async def cancel_execution(call: Call[Query, Cancellation]) -> ExecutionView:
    """End an execution, whatever it does.

    A call under way may still have its effect; nothing of it is recorded.
    """
    execution_id = ExecutionId(call.id("execution"))
    project = call.caller.project
    await call.hub.control.cancel(project, execution_id, actor=call.caller.actor, reason=call.body.reason)
    async with call.hub.database.read() as uow:
        return execution_view(await find_execution(call, uow))


async def pause_execution(call: Call[Query, None]) -> ExecutionView:
    """Pause an execution: it starts no further node until it is resumed.

    A queued or waiting one is paused at once. A running one records the effects under way when they end, and is
    `running` with a `pause_asked_at` until then. The time limit goes on counting.
    """
    execution_id = ExecutionId(call.id("execution"))
    await call.hub.pausing.pause(call.caller.project, execution_id, actor=call.caller.actor)
    async with call.hub.database.read() as uow:
        return execution_view(await find_execution(call, uow))


async def resume_execution(call: Call[Query, None]) -> ExecutionView:
    """Let a paused execution go on where it was.

    A wait that became due meanwhile is over at once.
    """
    execution_id = ExecutionId(call.id("execution"))
    await call.hub.pausing.resume(call.caller.project, execution_id, actor=call.caller.actor)
    async with call.hub.database.read() as uow:
        return execution_view(await find_execution(call, uow))


async def rerun_execution(call: Call[Query, None]) -> ExecutionRef:
    """Start a new execution from the same event, on the published version."""
    execution_id = ExecutionId(call.id("execution"))
    fresh = await call.hub.control.rerun(call.caller.project, execution_id, actor=call.caller.actor)
    call.headers["location"] = f"/api/v1/executions/{fresh}"
    return ExecutionRef(execution_id=fresh)


async def replay_execution(call: Call[Query, Replay]) -> ExecutionRef:
    """Let an execution that has ended run again.

    From `failed` the same execution goes on from the step that failed. From `start`, also on the published version or
    with another `input`, and from the path of any step, a new one runs (`rerun_of`), and the old one stays as it is.
    From a step, what was recorded before it is taken over. An open dead letter of the old one becomes `replayed`.
    """
    body = call.body
    edited = body.input is not UNSET
    choice = Choice(
        begin=body.begin,
        published=body.version == "published",
        edited=edited,
        data=body.input if edited else None,
    )
    execution_id = ExecutionId(call.id("execution"))
    running = await call.hub.control.replay_execution(
        call.caller.project, execution_id, choice, actor=call.caller.actor
    )
    call.headers["location"] = f"/api/v1/executions/{running}"
    return ExecutionRef(execution_id=running)


async def find_execution(call: Call[Any, Any], uow: UnitOfWork) -> Execution:
    """The execution that the path names. Raises NotFound."""
    execution_id = ExecutionId(call.id("execution"))
    execution = await uow.executions.find(call.caller.project, execution_id)
    if execution is None:
        raise NotFound(f'there is no execution "{execution_id}"')
    return execution


async def _load(call: Call[Query, None], uow: UnitOfWork) -> tuple[Execution, Event | None, Recorded]:
    execution = await find_execution(call, uow)
    event = await uow.events.find(call.caller.project, execution.event_id)
    return execution, event, await read_recorded(uow, execution.id)


_ONE = "/executions/{execution}"

endpoints = [
    Endpoint(method="GET", path="/executions", handler=list_executions, scope=Scope.READ, refusals=(404,)),
    Endpoint(method="GET", path=_ONE, handler=get_execution, scope=Scope.READ),
    Endpoint(method="GET", path=f"{_ONE}/logs", handler=get_execution_logs, scope=Scope.READ),
    Endpoint(method="POST", path=f"{_ONE}/cancel", handler=cancel_execution, scope=Scope.EXECUTE, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/pause", handler=pause_execution, scope=Scope.EXECUTE, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/resume", handler=resume_execution, scope=Scope.EXECUTE, refusals=(409,)),
    Endpoint(
        method="POST", path=f"{_ONE}/rerun", handler=rerun_execution, scope=Scope.EXECUTE, status=202, refusals=(409,)
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/replay",
        handler=replay_execution,
        scope=Scope.EXECUTE,
        status=202,
        refusals=(409, 422),
    ),
]
