"""Which part of a list to read."""

from dataclasses import dataclass
from datetime import datetime

from engine.model.base import EventId, ExecutionId, TriggerId, WorkflowId
from engine.model.event import Fate
from engine.model.execution import Status, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list to read; ``limit`` is 1 to 200."""

    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionFilter:
    """Which executions to list; ``None`` leaves a field open. ``text`` is searched in result and error.

    ``code`` is the error's, ``fingerprint`` that of an open dead letter. ``unresolved`` leaves out failed ones that
    have no open dead letter, ``roots`` those that a step of another started.
    """

    workflow_id: WorkflowId | None = None
    trigger_id: TriggerId | None = None
    event_id: EventId | None = None
    parent_id: ExecutionId | None = None
    statuses: frozenset[Status] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    code: str | None = None
    fingerprint: str | None = None
    unresolved: bool = False
    roots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list."""

    workflow_id: WorkflowId | None = None
    trigger_id: TriggerId | None = None
    fate: Fate | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFilter:
    """Which steps of one execution to read, by the order of their paths and attempts.

    ``within`` is the path of a step, an iteration (``orders[3]``) or a branch: it and all inside it; ``path`` that of
    one step, whose attempts are read. ``outermost`` leaves out what is inside others, and what comes last. ``after`` is
    where the part before ended. ``superseded``: read openings also where more of their step is recorded.
    """

    within: str | None = None
    path: str | None = None
    outermost: bool = False
    statuses: frozenset[StepStatus] = frozenset()
    after: tuple[str, int] | None = None
    superseded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCounts:
    """Iterations or branches of which anything is recorded: all, those with a step under way, those that failed."""

    begun: int
    open: int
    failed: int
