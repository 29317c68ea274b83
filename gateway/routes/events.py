"""Events: what came in, and what became of it."""

from typing import Annotated

from msgspec import Meta

from engine.errors import NotFound
from engine.model.access import Scope
from engine.model.base import EventId, TriggerId
from engine.model.event import Fate
from engine.repositories import EventFilter, Page
from gateway.endpoints import Call, Endpoint
from gateway.inputs import IdText, Instant, PageQuery, Query
from gateway.views.events import EventDetail, EventPage, event_detail, event_view


class EventQuery(PageQuery, frozen=True, kw_only=True):
    """Which events to list. ``since`` is inclusive, ``until`` is not; both mean the time of acceptance."""

    workflow: Annotated[str, Meta(max_length=200, description="the id or name of a workflow")] | None = None
    trigger: IdText | None = None
    fate: Fate | None = None
    since: Instant | None = None
    until: Instant | None = None


async def list_events(call: Call[EventQuery, None]) -> EventPage:
    """List events with their fates, newest first."""
    query, project = call.query, call.caller.project
    async with call.hub.database.read() as uow:
        workflow_id = None
        if query.workflow is not None:
            workflow_id = (await uow.workflows.get(project, query.workflow)).id
        where = EventFilter(
            workflow_id=workflow_id,
            trigger_id=None if query.trigger is None else TriggerId(query.trigger),
            fate=query.fate,
            since=query.since,
            until=query.until,
        )
        found = await uow.events.list(project, where, Page(limit=query.limit, after=query.after))
    return EventPage(
        items=[event_view(event) for event in found], next=found[-1].id if len(found) == query.limit else None
    )


async def get_event(call: Call[Query, None]) -> EventDetail:
    """Get an event with its data."""
    event_id = EventId(call.id("event"))
    async with call.hub.database.read() as uow:
        event = await uow.events.find(call.caller.project, event_id)
    if event is None:
        raise NotFound(f'there is no event "{event_id}"')
    return event_detail(event)


endpoints = [
    Endpoint(method="GET", path="/events", handler=list_events, scope=Scope.READ, refusals=(404,)),
    Endpoint(method="GET", path="/events/{event}", handler=get_event, scope=Scope.READ),
]
