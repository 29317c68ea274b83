"""Triggers: what starts workflows, with their state and their balance. Changing one makes a new version."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from msgspec import Meta

from engine.errors import Conflict, InvalidRequest, NotFound
from engine.model.access import Scope
from engine.model.base import JsonObject, TriggerId
from engine.model.workflow import TriggerKind
from engine.ports import UnitOfWork
from engine.repositories import StoredRoute
from gateway.endpoints import JSON, Call, Endpoint, RawBody
from gateway.inputs import Query
from gateway.requests import parse_json
from gateway.views.triggers import (
    BalanceView,
    TriggerDetail,
    TriggerList,
    balance_view,
    trigger_detail,
    trigger_view,
)


class TriggerQuery(Query, frozen=True, kw_only=True):
    """Which triggers to list."""

    workflow: Annotated[str, Meta(max_length=200, description="the id or name of a workflow")] | None = None
    type: TriggerKind | None = None


async def list_triggers(call: Call[TriggerQuery, None]) -> TriggerList:
    """List triggers, oldest first.

    Those that the published version no longer has are listed as not active: their events and state are kept.
    """
    async with call.hub.database.read() as uow:
        workflow_id = None
        if call.query.workflow is not None:
            workflow_id = (await uow.workflows.get(call.caller.project, call.query.workflow)).id
        routes = await uow.triggers.list(call.caller.project, workflow_id=workflow_id, kind=call.query.type)
    return _list(call, routes)


async def list_workflow_triggers(call: Call[Query, None]) -> TriggerList:
    """List the triggers of a workflow, oldest first.

    A workflow has triggers once it was published.
    """
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        routes = await uow.triggers.list(call.caller.project, workflow_id=workflow.id)
    return _list(call, routes)


async def get_trigger(call: Call[Query, None]) -> TriggerDetail:
    """Get a trigger with its definition and its state."""
    async with call.hub.database.read() as uow:
        return await _detail(call, uow, await find_route(call, uow))


async def replace_trigger(call: Call[Query, RawBody]) -> TriggerDetail:
    """Replace a trigger's definition.

    The body is what stands under the trigger's key in the workflow's text, as JSON. It becomes a new version of the
    workflow, which is published at once if the workflow is; 409 if there are newer versions that are not published.
    """
    definition = parse_json(call.body.data) if call.body.data else None
    if not isinstance(definition, dict):
        raise InvalidRequest('the body must be a JSON object such as {"type": "schedule", "every": "5m"}')

    def change(document: JsonObject, key: str) -> JsonObject:
        document.setdefault("triggers", {})[key] = definition
        return document

    await _edit(call, change, note="trigger {key} replaced")
    async with call.hub.database.read() as uow:
        return await _detail(call, uow, await find_route(call, uow))


async def delete_trigger(call: Call[Query, None]) -> None:
    """Remove a trigger from its workflow.

    This makes a new version like a replacement does. The trigger's events and its address are kept.
    """

    def change(document: JsonObject, key: str) -> JsonObject:
        if key not in document.get("triggers", {}):
            raise Conflict("the workflow does not declare this trigger; people can always start a workflow")
        del document["triggers"][key]
        document.get("start", {}).pop(key, None)
        return document

    await _edit(call, change, note="trigger {key} removed")


async def get_balance(call: Call[Query, None]) -> BalanceView:
    """Get what became of everything a trigger accepted.

    ``difference`` is always 0: no event is lost.
    """
    async with call.hub.database.read() as uow:
        route = await find_route(call, uow)
        return balance_view(await uow.executions.balance(route.trigger.id))


async def find_route(call: Call[Any, Any], uow: UnitOfWork) -> StoredRoute:
    """Find the trigger that the path names. Raises NotFound."""
    trigger_id = TriggerId(call.id("trigger"))
    route = await uow.triggers.route(trigger_id)
    if route is None or route.trigger.project_id != call.caller.project:
        raise NotFound(f'there is no trigger "{trigger_id}"')
    return route


async def _edit(call: Call[Any, Any], change: Callable[[JsonObject, str], JsonObject], *, note: str) -> None:
    async with call.hub.database.read() as uow:
        trigger = (await find_route(call, uow)).trigger
    if not trigger.active:
        raise Conflict(f'the published version has no trigger "{trigger.key}" any more; edit the workflow\'s text')
    await call.hub.publishing.edit(
        call.caller.project,
        trigger.workflow_id,
        lambda document: change(document, trigger.key),
        actor=call.caller.actor,
        note=note.format(key=trigger.key),
    )
    await call.take_effect()


async def _detail(call: Call[Any, Any], uow: UnitOfWork, route: StoredRoute) -> TriggerDetail:
    version = await uow.workflows.version(route.trigger.version_id)
    return trigger_detail(
        route,
        public_url=call.hub.settings.public_url,
        version=version.number,
        definition=version.document.get("triggers", {}).get(route.trigger.key),
    )


def _list(call: Call[Any, Any], routes: Sequence[StoredRoute]) -> TriggerList:
    url = call.hub.settings.public_url
    return TriggerList(items=[trigger_view(route, public_url=url) for route in routes])


_ONE = "/triggers/{trigger}"
_DEFINITION: JsonObject = {"type": "object", "required": ["type"]}

endpoints = [
    Endpoint(method="GET", path="/workflows/{workflow}/triggers", handler=list_workflow_triggers, scope=Scope.READ),
    Endpoint(method="GET", path="/triggers", handler=list_triggers, scope=Scope.READ, refusals=(404,)),
    Endpoint(method="GET", path=_ONE, handler=get_trigger, scope=Scope.READ),
    Endpoint(
        method="PUT",
        path=_ONE,
        handler=replace_trigger,
        scope=Scope.WRITE,
        refusals=(409, 422),
        media={JSON: _DEFINITION},
    ),
    Endpoint(method="DELETE", path=_ONE, handler=delete_trigger, scope=Scope.WRITE, status=204, refusals=(409, 422)),
    Endpoint(method="GET", path=f"{_ONE}/balance", handler=get_balance, scope=Scope.READ),
]
