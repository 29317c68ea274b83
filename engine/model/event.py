"""Events: facts that triggers emitted, and what became of them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from engine.model.base import EventId, ExecutionId, Json, JsonObject, ProjectId, TriggerId, VersionId, WorkflowId
from engine.model.workflow import Lane


class Fate(StrEnum):
    """What became of an event, decided once. ``held`` is the only one that may still change (to any other)."""

    STARTED = "started"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    HELD = "held"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What a trigger adapter hands to intake.

    ``dedupe_key`` ``None`` means that nothing can repeat this event. ``envelope`` holds ``method``, ``path``,
    ``query``, ``headers`` for webhooks (see ``trigger`` in the expressions' scope).
    """

    trigger_id: TriggerId
    dedupe_key: str | None
    occurred_at: datetime
    data: Json
    envelope: JsonObject = field(default_factory=dict)
    reply_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A stored event. For a duplicate, ``first_event_id`` names the one that counted."""

    id: EventId
    project_id: ProjectId
    workflow_id: WorkflowId
    trigger_id: TriggerId
    dedupe_key: str | None
    occurred_at: datetime
    accepted_at: datetime
    envelope: JsonObject
    data: Json
    fate: Fate
    reason: str
    execution_id: ExecutionId | None
    first_event_id: EventId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What intake answers. For a duplicate the ids are those of the first event.

    ``lane`` is set only if a new execution was stored, whose id must be announced there after the commit.
    """

    event_id: EventId
    execution_id: ExecutionId | None
    fate: Fate
    reason: str
    duplicate: bool
    lane: Lane | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """A row of ``executions`` about to be stored, status ``queued``."""

    id: ExecutionId
    project_id: ProjectId
    workflow_id: WorkflowId
    version_id: VersionId
    trigger_id: TriggerId | None
    trigger_key: str
    event_id: EventId
    lane: Lane
    created_at: datetime
    deadline_at: datetime
    reply_to: str | None = None
    rerun_of: ExecutionId | None = None
