"""Jobs: work on many executions that somebody ordered once, done bit by bit and kept as rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from engine.model.base import ExecutionId, JsonObject, ProjectId, WorkflowId
from engine.model.execution import Status

REPLAY = "replay"
"""The only kind of job there is so far."""


class JobStatus(StrEnum):
    """``collecting`` writes down what it is about, ``running`` replays, ``watching`` waits for the last outcomes."""

    COLLECTING = "collecting"
    RUNNING = "running"
    WATCHING = "watching"
    PAUSED = "paused"
    FINISHED = "finished"
    ABORTED = "aborted"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be replayed."""
        return self in (JobStatus.FINISHED, JobStatus.ABORTED)


class ItemState(StrEnum):
    """Where one execution of a job stands.

    ``skipped`` was not replayed, ``reason`` says why; ``gone`` was replayed, and removed before its end was seen.
    """

    PENDING = "pending"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """Which executions a job replays, and how.

    ``handled`` takes also failed ones whose dead letter was replayed or discarded before. ``every`` is the time between
    two replays. ``one_first``: the others follow only when one has succeeded. ``begin`` and ``published`` as in
    ``engine.replay_choices.Choice``.
    """

    workflow_id: WorkflowId | None = None
    statuses: frozenset[Status] = frozenset({Status.FAILED})
    since: datetime | None = None
    until: datetime | None = None
    code: str | None = None
    fingerprint: str | None = None
    text: str | None = None
    handled: bool = False
    begin: str = "failed"
    published: bool = False
    one_first: bool = True
    every: timedelta = timedelta(milliseconds=200)
    limit: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stands. ``reason`` says why it is paused.

    ``after`` is how far collecting has come, ``collected`` that it is done; ``proven`` that one replay succeeded, or
    that none has to first; ``next_at`` when the service looks at it again, ``replay_at`` when its rate allows the next
    replay. ``finished_at`` is set when nothing of it is under way any more.
    """

    id: str
    project_id: ProjectId
    kind: str
    status: JobStatus
    plan: ReplayPlan
    created_at: datetime
    created_by: str
    next_at: datetime
    replay_at: datetime
    reason: str = ""
    after: str | None = None
    collected: bool = False
    proven: bool = False
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobItem:
    """One execution of a job; ``replayed_as`` is the execution that ran, which may be the same."""

    execution_id: ExecutionId
    state: ItemState
    replayed_as: ExecutionId | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many executions of a job stand in each state."""

    by_state: Mapping[ItemState, int] = field(default_factory=dict)

    def count(self, *states: ItemState) -> int:
        """How many stand in any of these states; in all, if none is named."""
        return sum(self.by_state.get(state, 0) for state in states or ItemState)


def plan_as_json(plan: ReplayPlan) -> JsonObject:
    """The form in which a plan is stored."""
    return {
        "workflow_id": plan.workflow_id,
        "statuses": sorted(status.value for status in plan.statuses),
        "since": None if plan.since is None else plan.since.isoformat(),
        "until": None if plan.until is None else plan.until.isoformat(),
        "code": plan.code,
        "fingerprint": plan.fingerprint,
        "text": plan.text,
        "handled": plan.handled,
        "begin": plan.begin,
        "published": plan.published,
        "one_first": plan.one_first,
        "every_ms": round(plan.every / timedelta(milliseconds=1)),
        "limit": plan.limit,
    }


def plan_of_json(stored: JsonObject) -> ReplayPlan:
    """Read a stored plan."""
    times = {name: stored[name] for name in ("since", "until")}
    return ReplayPlan(
        workflow_id=stored["workflow_id"],
        statuses=frozenset(Status(status) for status in stored["statuses"]),
        since=None if times["since"] is None else datetime.fromisoformat(times["since"]),
        until=None if times["until"] is None else datetime.fromisoformat(times["until"]),
        code=stored["code"],
        fingerprint=stored["fingerprint"],
        text=stored["text"],
        handled=stored["handled"],
        begin=stored["begin"],
        published=stored["published"],
        one_first=stored["one_first"],
        every=timedelta(milliseconds=stored["every_ms"]),
        limit=stored["limit"],
    )
