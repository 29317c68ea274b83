"""Events with their fates."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.model.event import Event, Fate


class EventView(Struct, frozen=True, kw_only=True):
    """A stored fact and what became of it. ``first_event_id`` is the one that a duplicate repeats."""

    id: str
    workflow_id: str
    trigger_id: str
    fate: Fate
    reason: str
    execution_id: str | None
    first_event_id: str | None
    dedupe_key: str | None
    occurred_at: datetime
    accepted_at: datetime


class EventDetail(EventView, frozen=True, kw_only=True):
    """An event with its data and, for webhooks, its envelope."""

    envelope: dict[str, Any]
    data: Any


class EventPage(Struct, frozen=True, kw_only=True):
    """Events, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[EventView]
    next: str | None


class StartedView(Struct, frozen=True, kw_only=True):
    """A stored event, and the execution it started if its fate is ``started``.

    ``duplicate`` is true if the same ``Idempotency-Key`` came before; the ids are then those of the first one.
    """

    event_id: str
    execution_id: str | None
    fate: Fate
    reason: str
    duplicate: bool


def event_view(event: Event) -> EventView:
    return EventView(**_shared(event))


def event_detail(event: Event) -> EventDetail:
    return EventDetail(**_shared(event), envelope=event.envelope, data=event.data)


def _shared(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in EventView.__struct_fields__}
