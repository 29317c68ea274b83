"""Events: facts that triggers emitted, and what became of them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from engine.model.base import EventId, ExecutionId, Json, JsonObject, ProjectId, TriggerId, VersionId, WorkflowId
from engine.model.gate import Admission
from engine.model.lineage import Parent
from engine.model.workflow import Lane


class Fate(StrEnum):
    """What became of an event, decided once. ``held`` is the only one that may still change (to any other).

    ``merged``: its data went into an execution that another event had started and that had not begun; ``skipped``:
    no slot was free and the workflow wanted it to be left out.
    """

    STARTED = "started"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    MERGED = "merged"
    HELD = "held"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """What a trigger adapter hands to intake.

    ``dedupe_key`` ``None`` means that nothing can repeat this event. ``envelope`` holds ``method``, ``path``,
    ``query``, ``headers`` for webhooks (see ``trigger`` in the expressions' scope). ``parent`` is the step that caused
    it, if one did.
    """

    trigger_id: TriggerId
    dedupe_key: str | None
    occurred_at: datetime
    data: Json
    envelope: JsonObject = field(default_factory=dict)
    reply_to: str | None = None
    parent: Parent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A stored event.

    ``first_event_id`` names the one that counted, for a duplicate, and the one that started the execution, for a merged
    one. For a merged one ``execution_id`` is the execution that it went into.
    """

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

    ``lane`` is set only if a new execution was stored that may run, whose id must be announced there after the commit;
    ``stirs`` names a gate where somebody waits now, ``cancels`` those that were cancelled for it.
    """

    event_id: EventId
    execution_id: ExecutionId | None
    fate: Fate
    reason: str
    duplicate: bool
    lane: Lane | None = None
    stirs: str | None = None
    cancels: tuple[ExecutionId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """A row of ``executions`` about to be stored: ``queued``, or ``waiting`` where ``admission`` names a gate.

    ``parent`` is the step that starts it. ``entry`` is the node whose body it runs instead of the whole workflow.
    """

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
    admission: Admission | None = None
    parent: Parent | None = None
    entry: str | None = None
