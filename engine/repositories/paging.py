"""Which part of a list to read."""

from dataclasses import dataclass
from datetime import datetime

from engine.model.base import EventId, ExecutionId, TriggerId, WorkflowId
from engine.model.event import Fate
from engine.model.execution import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list to read; ``limit`` is 1 to 200."""

    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions to list; ``None`` leaves a field open. ``text`` is searched in result and error."""

    workflow_id: WorkflowId | None = None
    trigger_id: TriggerId | None = None
    event_id: EventId | None = None
    parent_id: ExecutionId | None = None
    statuses: frozenset[Status] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list."""

    workflow_id: WorkflowId | None = None
    trigger_id: TriggerId | None = None
    fate: Fate | None = None
    since: datetime | None = None
    until: datetime | None = None
