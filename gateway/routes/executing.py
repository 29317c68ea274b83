"""Starting a workflow by hand: ``POST /workflows/{workflow}/execute``, with or without waiting for the result."""

from typing import Annotated, Any

from msgspec import Meta
from starlette.responses import Response

from engine.errors import Conflict, NotFound
from engine.model.access import Scope
from engine.model.base import Json, ProjectId
from engine.model.event import NewEvent
from engine.model.trigger import Trigger
from engine.model.workflow import ManualSpec, TriggerKind, Workflow, WorkflowStatus
from engine.ports import UnitOfWork
from engine.routes import MANUAL_KEY, Route
from gateway.endpoints import JSON, Call, Endpoint, RawBody
from gateway.inputs import Query
from gateway.requests import parse_json
from gateway.results import result_response
from gateway.views.events import StartedView

LONGEST_WAIT_SECONDS = 300


class ExecuteQuery(Query, frozen=True, kw_only=True):
    """How to start it."""

    wait: (
        Annotated[
            float, Meta(ge=0, le=LONGEST_WAIT_SECONDS, description="seconds to wait for the result; 0 does not wait")
        ]
        | None
    ) = None
    trigger: (
        Annotated[str, Meta(max_length=63, description="the key of a manual trigger, where there are several")] | None
    ) = None


async def execute_workflow(call: Call[ExecuteQuery, RawBody]) -> StartedView | Response:
    """Start an execution; the body is its input, as JSON.

    The answer is 202 as soon as the event is stored. With ``wait`` it is the execution's output, once it has ended, or
    what its respond node says; a failed execution is 500, a cancelled one 409, and 202 if it takes longer.
    A repeated ``Idempotency-Key`` starts nothing and gets the first one's ids.
    """
    value = parse_json(call.body.data) if call.body.data else None
    route = await manual_route(call, call.query.trigger)
    check_input(call, route, value)
    wait = call.query.wait or 0
    event = NewEvent(
        trigger_id=route.trigger.id,
        dedupe_key=call.request.headers.get("idempotency-key"),
        occurred_at=call.hub.clock.now(),
        data=value,
        reply_to=call.hub.replies.name if wait else None,
    )
    receipt = await call.hub.intake.accept(event)
    if wait and receipt.execution_id is not None:
        reply = await call.hub.replies.wait(
            receipt.execution_id, seconds=wait, needs_end=True, look_first=receipt.duplicate
        )
        if reply is not None:
            return result_response(reply, status=200)
    return StartedView(
        event_id=receipt.event_id,
        execution_id=receipt.execution_id,
        fate=receipt.fate,
        reason=receipt.reason,
        duplicate=receipt.duplicate,
    )


async def manual_route(call: Call[Any, Any], wanted: str | None) -> Route:
    """Find the manual trigger that starts a workflow, by its key where there are several.

    Raises:
        NotFound; Conflict: The workflow is not active.
    """
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        if workflow.status not in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED):
            raise Conflict(f'the workflow "{workflow.name}" is {workflow.status.value}; activate it first')
        trigger = await _trigger(uow, workflow, call.caller.project, wanted)
        call.hub.routes.renew(await uow.triggers.stamp())
        route = await call.hub.routes.within(uow, trigger.id)
    if route is None:
        raise NotFound(f'the trigger "{trigger.key}" does not exist any more')
    return route


async def _trigger(uow: UnitOfWork, workflow: Workflow, project: ProjectId, wanted: str | None) -> Trigger:
    routes = await uow.triggers.list(project, workflow_id=workflow.id, kind=TriggerKind.MANUAL)
    active = {route.trigger.key: route.trigger for route in routes if route.trigger.active}
    if wanted is None and active:
        return active[MANUAL_KEY if MANUAL_KEY in active else next(iter(active))]
    if wanted not in active:
        known = ", ".join(active) or "none"
        raise NotFound(f'the workflow has no manual trigger "{wanted or MANUAL_KEY}"; it has {known}')
    return active[wanted]


def check_input(call: Call[Any, Any], route: Route, value: Json) -> None:
    """Raises InvalidRequest: the input does not satisfy the trigger's schema. Raises Conflict: it is disabled."""
    spec = route.definition.spec
    if not route.trigger.enabled:
        raise Conflict(f'the trigger "{route.trigger.key}" is disabled')
    if isinstance(spec, ManualSpec) and spec.input_schema is not None:
        call.api.schemas.check(route.trigger.version_id, route.trigger.key, spec.input_schema, value)


endpoints = [
    Endpoint(
        method="POST",
        path="/workflows/{workflow}/execute",
        handler=execute_workflow,
        scope=Scope.EXECUTE,
        status=202,
        refusals=(409, 422, 500),
        media={JSON: {}},
        limit_bytes=1 << 30,  # the setting for bodies is lower
        others={200: {"description": "The result, with `wait`.", "content": {JSON: {"schema": {}}}}},
    ),
]
