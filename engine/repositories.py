"""What the database promises, one protocol per aggregate. ``db.repositories`` implements them, for both databases.

All methods run inside the unit of work's transaction; nothing is visible to others before its commit. Lists page by
key: ``after`` is the last id of the previous page (ids sort by creation), newest first unless said otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.access import ApiKey, AuditEntry
from engine.model.base import EventId, ExecutionId, ExecutorId, JsonObject, ProjectId, TriggerId, VersionId, WorkflowId
from engine.model.connection import Connection, Credentials
from engine.model.event import Event, Fate, NewExecution
from engine.model.execution import Claimed, DeadLetter, Execution, ExecutionRecord, Status, StepRecord
from engine.model.trigger import Balance, Trigger
from engine.model.workflow import Lane, TriggerKind, Version, Workflow, WorkflowStatus


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


class Workflows(Protocol):
    """Workflows and their versions."""

    async def add(self, project: ProjectId, workflow: Workflow) -> None:
        """Raises Conflict: the project has a workflow of that name."""

    async def find(self, project: ProjectId, key: str) -> Workflow | None:
        """Find by id or by name."""

    async def get(self, project: ProjectId, key: str) -> Workflow:
        """Raises NotFound."""

    async def list(
        self, project: ProjectId, page: Page, *, status: WorkflowStatus | None = None, name: str | None = None
    ) -> Sequence[Workflow]:
        """``name`` matches anywhere in the name."""

    async def update(self, workflow: Workflow, *, expected_latest: int | None = None) -> None:
        """Write name, status, published, latest, description, updated_at.

        Raises Conflict: the row's ``latest`` is not ``expected_latest`` any more, or the name is taken.
        """

    async def delete(self, workflow_id: WorkflowId) -> None:
        """Remove a workflow with all its versions, triggers, events and executions."""

    async def add_version(self, version: Version) -> None: ...

    async def version(self, version_id: VersionId) -> Version:
        """Raises NotFound."""

    async def version_by_number(self, workflow_id: WorkflowId, number: int) -> Version:
        """Raises NotFound."""

    async def versions(self, workflow_id: WorkflowId) -> Sequence[Version]:
        """All, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRoute:
    """A trigger with what decides whether its events start anything."""

    trigger: Trigger
    workflow_status: WorkflowStatus
    workflow_name: str


class Triggers(Protocol):
    """Triggers, their hooks and their state."""

    async def stamp(self) -> int:
        """A number that rises with every change to workflows' publication, triggers, hooks, secrets or connections."""

    async def touch(self) -> None:
        """Raise the stamp. Called in every transaction that changes one of those."""

    async def publish(self, workflow_id: WorkflowId, triggers: Sequence[Trigger]) -> None:
        """Make ``triggers`` the workflow's active ones; its others become inactive. Keeps ids, cursors and hooks.

        Raises Conflict: a hook path belongs to another trigger.
        """

    async def set_hook(self, trigger_id: TriggerId, *, hook_id: str, path: str | None) -> None:
        """Give a webhook trigger its address; a path replaces the one before. Raises Conflict: the path is taken."""

    async def route(self, trigger_id: TriggerId) -> StoredRoute | None: ...

    async def by_hook(self, address: str) -> StoredRoute | None:
        """Find by hook id or by readable path."""

    async def find_by_key(self, workflow_id: WorkflowId, key: str) -> Trigger | None: ...

    async def list(
        self, project: ProjectId, *, workflow_id: WorkflowId | None = None, kind: TriggerKind | None = None
    ) -> Sequence[StoredRoute]:
        """Active and inactive ones, oldest first."""

    async def schedules(self) -> Sequence[StoredRoute]:
        """All active, enabled schedule triggers of active or paused workflows, in every project."""

    async def advance(self, trigger_id: TriggerId, *, seen: str | None, to: str, next_due_at: datetime | None) -> bool:
        """Move the cursor from ``seen`` to ``to``; false if it was not at ``seen`` (somebody else moved it)."""


class Events(Protocol):
    """Accepted events."""

    async def insert(self, events: Sequence[Event]) -> set[EventId]:
        """Store those whose (trigger_id, dedupe_key) is new; return their ids. One statement for all."""

    async def firsts(self, keys: Sequence[tuple[TriggerId, str]]) -> Mapping[tuple[TriggerId, str], Event]:
        """The stored events with these dedupe keys."""

    async def find(self, project: ProjectId, event_id: EventId) -> Event | None: ...

    async def list(self, project: ProjectId, where: EventFilter, page: Page) -> Sequence[Event]: ...

    async def releasable(self, *, limit: int) -> Sequence[Event]:
        """The oldest held events of active workflows, locked until commit; two callers never get the same one."""

    async def expired(self, workflow_id: WorkflowId, *, before: datetime, limit: int) -> Sequence[EventId]:
        """Events accepted before a time that started nothing and are not held, oldest first."""

    async def delete(self, ids: Sequence[EventId]) -> None:
        """Remove such events."""

    async def settle(self, event_id: EventId, *, fate: Fate, reason: str, execution_id: ExecutionId | None) -> bool:
        """Decide a held event's fate; false if it is no longer held."""


class Executions(Protocol):
    """Executions, their steps and what becomes of them. Every method is a constant number of statements."""

    async def insert(self, executions: Sequence[NewExecution]) -> None:
        """Store them as ``queued``, woken at their creation."""

    async def claim(self, ids: Sequence[ExecutionId], *, owner: ExecutorId, now: datetime) -> Sequence[Claimed]:
        """Give the queued ones among ``ids`` to ``owner`` and raise their epoch. Missing ones are no error."""

    async def hand_back(self, ids: Sequence[ExecutionId], *, owner: ExecutorId) -> None:
        """Queue those that ``owner`` holds, after a claim whose answer was lost."""

    async def record(self, records: Sequence[ExecutionRecord]) -> set[ExecutionId]:
        """Write those whose owner and epoch still hold and return their ids; of the others nothing is written."""

    async def wake(self, now: datetime, *, limit: int) -> Sequence[tuple[ExecutionId, Lane]]:
        """Queue the waiting ones that are due, oldest first. Two callers never get the same one."""

    async def next_due(self) -> datetime | None:
        """When the next waiting one is due."""

    async def requeue(
        self, owners: Sequence[ExecutorId], *, now: datetime, limit: int
    ) -> Sequence[tuple[ExecutionId, Lane]]:
        """Queue running executions of these owners, raising their epoch."""

    async def orphans(self, *, limit: int) -> Sequence[ExecutorId]:
        """Owners of running executions that have no row in ``executors``."""

    async def unheard(self, lane: Lane, *, queued_before: datetime, limit: int) -> Sequence[ExecutionId]:
        """The oldest queued ones of the lane that were woken before ``queued_before``."""

    async def overtaken(self, lane: Lane, *, by: float, limit: int) -> Sequence[ExecutionId]:
        """Queued ones that were woken over ``by`` seconds before the newest running one of the lane."""

    async def cancel(self, execution_id: ExecutionId, *, now: datetime, reason: str) -> Status | None:
        """End it whatever it does, raising its epoch; return the status it had, or ``None`` if it was final."""

    async def revive(self, execution_id: ExecutionId, *, now: datetime, deadline_at: datetime) -> Lane | None:
        """Change failed → queued for a replay and open its failed steps again; ``None``: it is not failed."""

    async def find(self, project: ProjectId, execution_id: ExecutionId) -> Execution | None: ...

    async def outcome(self, execution_id: ExecutionId) -> Execution | None:
        """The same in any project, for those who wait for it."""

    async def list(self, project: ProjectId, where: ExecutionFilter, page: Page) -> Sequence[Execution]: ...

    async def steps(self, execution_id: ExecutionId) -> Sequence[StepRecord]:
        """All attempts, in the order of ``seq``."""

    async def balance(self, trigger_id: TriggerId) -> Balance: ...

    async def totals(self) -> Mapping[Status, int]:
        """How many executions stand in each state, for the metrics."""

    async def expired(self, workflow_id: WorkflowId, *, before: datetime, limit: int) -> Sequence[ExecutionId]:
        """Final executions that finished before a time, oldest first."""

    async def delete(self, ids: Sequence[ExecutionId]) -> None:
        """Remove executions with their steps, dead letters and events."""


class DeadLetters(Protocol):
    """Executions that wait for a person."""

    async def add(self, letters: Sequence[DeadLetter]) -> None: ...

    async def list(
        self, project: ProjectId, page: Page, *, state: str | None = None, fingerprint: str | None = None
    ) -> Sequence[DeadLetter]: ...

    async def find(self, project: ProjectId, letter_id: str) -> DeadLetter | None: ...

    async def resolve(self, letter_id: str, *, state: str, by: str, now: datetime) -> bool:
        """Change open → ``replayed`` or ``discarded``; false if it is not open."""


class Connections(Protocol):
    """Connections and named secrets, encrypted at rest; only ``credentials`` and ``reveal`` decrypt."""

    async def put(self, connection: Connection, credentials: Credentials | None) -> None:
        """Add or replace by (project, name); ``None`` keeps the stored credentials."""

    async def find(self, project: ProjectId, key: str) -> Connection | None:
        """By id or by name."""

    async def credentials(self, connection: Connection) -> Credentials: ...

    async def list(self, project: ProjectId, page: Page) -> Sequence[Connection]: ...

    async def delete(self, connection: Connection) -> None: ...

    async def put_secret(self, project: ProjectId, name: str, value: bytes, *, now: datetime) -> None: ...

    async def reveal(self, project: ProjectId, names: Iterable[str]) -> Mapping[str, bytes]:
        """The values of those that exist."""

    async def secret_names(self, project: ProjectId) -> Mapping[str, datetime]:
        """Names with the time they were last set."""

    async def delete_secret(self, project: ProjectId, name: str) -> bool: ...


class Access(Protocol):
    """API keys and the audit log."""

    async def add_key(self, key: ApiKey, *, digest: bytes) -> None: ...

    async def key_by_digest(self, digest: bytes) -> ApiKey | None: ...

    async def keys(self, project: ProjectId) -> Sequence[ApiKey]: ...

    async def revoke_key(self, project: ProjectId, key_id: str, *, now: datetime) -> bool: ...

    async def has_keys(self) -> bool: ...

    async def audit(self, entry: AuditEntry) -> None: ...

    async def audit_entries(self, project: ProjectId, page: Page) -> Sequence[AuditEntry]: ...


class Liveness(Protocol):
    """Who is alive, who leads, and the shared state of breakers."""

    async def beat(self, executor: ExecutorId, *, now: datetime, details: JsonObject) -> None: ...

    async def overdue(self, *, before: datetime) -> Sequence[ExecutorId]:
        """Executors whose last heartbeat is older."""

    async def remove(self, executors: Sequence[ExecutorId]) -> None: ...

    async def executors(self) -> Mapping[ExecutorId, datetime]: ...

    async def lease(self, name: str, *, holder: str, now: datetime, until: datetime) -> bool:
        """Take or renew a lease; false while another holds it unexpired."""

    async def release(self, name: str, *, holder: str) -> None: ...

    async def breaker(self, key: str) -> JsonObject | None: ...

    async def put_breaker(self, key: str, state: JsonObject, *, seen: JsonObject | None) -> bool:
        """Write if the stored state is still ``seen``; false if not."""
