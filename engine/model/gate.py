"""Where an execution waits for its admission, as rows and transactions see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from engine.model.admission import Stage
from engine.model.base import EventId, ExecutionId, ProjectId, VersionId, WorkflowId
from engine.model.workflow import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One queue: a workflow's gate of one stage for one key."""

    workflow_id: WorkflowId
    stage: Stage
    key: str

    def __str__(self) -> str:
        """The form in which rows name it."""
        return f"{self.workflow_id}/{self.stage.value}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str`` wrote. Raises ValueError: it is nothing of the kind."""
        workflow_id, stage, key = text.split("/", 2)
        return cls(workflow_id=WorkflowId(workflow_id), stage=Stage(stage), key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The columns of an execution that admission owns.

    ``gate`` is where it waits (``None``: it may run), in the order of ``position`` (microseconds, rising strictly
    within a gate); ``slot`` the gate whose slot it holds from ``slot_at`` on while it is alive; ``rate`` the gate that
    counts its start at ``admitted_at``; ``due_at`` when a collecting one closes.
    """

    position: int
    gate: str | None = None
    slot: str | None = None
    slot_at: datetime | None = None
    rate: str | None = None
    admitted_at: datetime | None = None
    due_at: datetime | None = None
    wait_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An execution that waits at a gate.

    ``event_id`` is the event that started it, until it is closed. ``mergeable`` is false for a rerun, whose event has
    been looked at before.
    """

    id: ExecutionId
    project_id: ProjectId
    workflow_id: WorkflowId
    version_id: VersionId
    event_id: EventId
    created_at: datetime
    deadline_at: datetime
    position: int
    lane: Lane
    mergeable: bool = True
    slot: str | None = None
    slot_at: datetime | None = None
    rate: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a gate looks like under its lock.

    ``held`` counts the alive executions that hold a slot; ``starts`` those that began since a given time, of which
    ``oldest_start`` is the first; ``head`` and ``last`` are the first and the last that wait.
    """

    held: int = 0
    starts: int = 0
    oldest_start: datetime | None = None
    head: Waiting | None = None
    last: Waiting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """What becomes of an event that started nothing after all: merged into ``execution_id``, or skipped (``None``)."""

    event_id: EventId
    reason: str
    execution_id: ExecutionId | None = None
    first_event_id: EventId | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was merged into a waiting execution: how many events besides its own, their bytes, the last one's place."""

    events: int = 0
    data_bytes: int = 0
    position: int = 0


NOTHING = Collected()
