"""Executions and their steps: one run of one version for one event, as it is stored and as it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from engine.errors import Category
from engine.model.arrival import Arrival
from engine.model.base import (
    EventId,
    ExecutionId,
    ExecutorId,
    Json,
    JsonObject,
    ProjectId,
    TriggerId,
    VersionId,
    WorkflowId,
)
from engine.model.debugging import DebugPlan
from engine.model.result import Result
from engine.model.workflow import Lane

NO_ARRIVALS: Mapping[str, tuple[Arrival, ...]] = MappingProxyType({})


class Status(StrEnum):
    """Where an execution stands; the legal changes are in ``engine.planner.TRANSITIONS``."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing but a replay can change it."""
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class StepStatus(StrEnum):
    """Where one attempt at a node stands.

    ``running`` is stored before an unrepeatable call, and for a loop or parallel node that is open; ``retrying`` is a
    failed attempt with another to come; ``unknown`` a call that may or may not have happened; ``cancelled`` one that
    was given up: its execution ended, or its iteration or branch did.
    """

    RUNNING = "running"
    WAITING = "waiting"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Note(StrEnum):
    """Why a step succeeded although its node did not run; ``stopped`` and ``edited`` are marks of a debugger."""

    DISABLED = "disabled"
    PINNED = "pinned"
    CACHED = "cached"
    STOPPED = "stopped"
    EDITED = "edited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a step or an execution failed, as it is stored and shown.

    ``step`` is the path it happened at, ``execution_id`` the child that failed, if it was one.
    """

    code: str
    message: str
    category: Category = Category.PERMANENT
    step: str | None = None
    execution_id: str | None = None

    def as_json(self) -> JsonObject:
        """The form under ``error`` in outputs, in the API and in the database."""
        shown: JsonObject = {"code": self.code, "message": self.message, "category": self.category.value}
        if self.step is not None:
            shown["step"] = self.step
        if self.execution_id is not None:
            shown["execution_id"] = self.execution_id
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One attempt at one visit of a node, as recorded. Identity: (execution, ``path``, ``attempt``).

    ``path`` is the node's key, ``key#2`` from the second visit on; inside a loop it begins with the iteration
    (``orders[3].charge``), inside a parallel node with the branch (``both.left.call``). ``node`` is the same without
    numbers (``orders.charge``). Attempt 0 of a loop or parallel node is its opening: what is to run inside it.
    ``seq`` counts records within the execution from 1; folding the records in that order rebuilds the planner's state.
    ``ports`` are the outlets taken (for a condition ``("true",)``); ``assigned`` the variables set; ``due_at`` when a
    waiting or retrying one continues; ``note`` says that the node did not run, and why. ``log`` is what its code wrote
    to the console, in lines.
    """

    path: str
    node: str
    attempt: int
    seq: int
    status: StepStatus
    started_at: datetime
    finished_at: datetime | None
    ports: tuple[str, ...] = ()
    output: Json = None
    assigned: Mapping[str, Json] | None = None
    error: Failure | None = None
    due_at: datetime | None = None
    wait_reason: str | None = None
    note: Note | None = None
    log: tuple[str, ...] = ()

    @property
    def is_mark(self) -> bool:
        """Whether it is no attempt, but says that the execution stood at a visit or that a person changed something."""
        return self.note is Note.STOPPED or self.note is Note.EDITED


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An execution that an executor owns under ``epoch``, with all it needs to run it.

    ``woken_at`` is when it was last queued, which is the ``now`` of its expressions; ``steps`` are those recorded by
    earlier owners, in the order of ``seq``; ``arrivals`` what has come from outside by path, where a step waits for it.
    ``damage`` says why it cannot be run as it is stored, ``debug`` where a debugged one stops. ``slot`` is the gate
    whose slot it holds, which somebody may wait for. ``entry`` is the node whose body it runs, if not all.
    """

    id: ExecutionId
    project_id: ProjectId
    workflow_id: WorkflowId
    version_id: VersionId
    trigger_key: str
    event_id: EventId
    epoch: int
    created_at: datetime
    woken_at: datetime
    deadline_at: datetime
    reply_to: str | None
    occurred_at: datetime
    envelope: JsonObject
    data: Json
    steps: tuple[StepRecord, ...] = ()
    damage: str | None = None
    debug: DebugPlan | None = None
    entry: str | None = None
    arrivals: Mapping[str, tuple[Arrival, ...]] = field(default_factory=lambda: NO_ARRIVALS)
    slot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a ``respond`` node sends to the synchronous caller. ``body`` text goes out as it is, else as JSON."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An execution that the system will not try again by itself. Same ``fingerprint``: probably the same cause.

    ``notify`` is the workflow that is to be told, "" whichever the version names, ``None`` nobody any more; ``notice``
    says what became of that.
    """

    id: str
    project_id: ProjectId
    workflow_id: WorkflowId
    execution_id: ExecutionId
    step: str | None
    code: str
    message: str
    fingerprint: str
    created_at: datetime
    state: str = "open"
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    notify: str | None = ""
    notice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRecord:
    """What one commit of the recorder writes about one execution.

    The write counts only while ``owner`` still holds ``epoch`` and the row is ``running``. ``status`` ``RUNNING``
    means that the execution goes on (a checkpoint); any other hands it back. A person may ask to pause it, or not to,
    while the record is under way: ``WAITING`` is then stored as ``PAUSED``, or the other way round (without a
    ``wait_reason`` as ``QUEUED``). ``results`` are kept for other executions. ``deadline_at`` puts off the end of its
    time.
    """

    id: ExecutionId
    owner: ExecutorId
    epoch: int
    status: Status
    steps: tuple[StepRecord, ...] = ()
    due_at: datetime | None = None
    wait_reason: str | None = None
    finished_at: datetime | None = None
    output: Json = None
    error: Failure | None = None
    response: Response | None = None
    dead_letter: DeadLetter | None = None
    results: tuple[Result, ...] = ()
    deadline_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution as it is shown. ``pause_asked_at``: when a person asked to pause it; ``None`` if nobody does."""

    id: ExecutionId
    project_id: ProjectId
    workflow_id: WorkflowId
    version_id: VersionId
    trigger_id: TriggerId | None
    trigger_key: str
    event_id: EventId
    rerun_of: ExecutionId | None
    status: Status
    lane: Lane
    epoch: int
    owner: ExecutorId | None
    created_at: datetime
    woken_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None
    wait_reason: str | None
    output: Json
    error: JsonObject | None
    response: Response | None
    parent_id: ExecutionId | None = None
    parent_path: str | None = None
    parent_slot: str | None = None
    depth: int = 0
    entry: str | None = None
    pause_asked_at: datetime | None = None
    gate: str | None = None
    slot: str | None = None

    @property
    def concurrency_key(self) -> str | None:
        """The key whose limit it counts for, empty where there is one for all; ``None``: there is no limit."""
        return None if self.slot is None else self.slot.split("/", 2)[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """An execution whose time was up a while ago and that has not ended, as the scheduler needs it to end it."""

    id: ExecutionId
    project_id: ProjectId
    workflow_id: WorkflowId
    version_id: VersionId
    trigger_key: str
    status: Status
    owner: ExecutorId | None
