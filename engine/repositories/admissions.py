"""What the database promises about executions that wait for their admission."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.base import EventId, ExecutionId, VersionId, WorkflowId
from engine.model.event import Event
from engine.model.gate import Admission, Collected, Gate, Redirect, Standing, Waiting


class Admissions(Protocol):
    """Gates, and the executions that wait at them. Everything is counted from rows at the moment of asking."""

    async def lock(self, gates: Sequence[Gate]) -> None:
        """Take turns with all others who lock one of these gates, until commit.

        A transaction locks once, or else in the order collect, slot, rate; two that keep to it never deadlock.
        """

    async def look(self, gates: Mapping[Gate, datetime]) -> Mapping[Gate, Standing]:
        """How the gates stand. The time is the one from which starts are counted."""

    async def collected(self, event_ids: Sequence[EventId]) -> Mapping[EventId, Collected]:
        """What was merged into the executions that these events started."""

    async def holders(self, gate: Gate, *, limit: int) -> Sequence[ExecutionId]:
        """The alive executions that hold a slot for longest."""

    async def waiting(self, gate: Gate, *, limit: int, due_by: datetime | None = None) -> Sequence[Waiting]:
        """The first that wait at a gate, in order; with ``due_by`` only those that are due by then."""

    async def move(self, changes: Mapping[ExecutionId, Admission]) -> None:
        """Let waiting executions wait elsewhere, or until another time."""

    async def postpone(self, execution_id: ExecutionId, due_at: datetime) -> None:
        """Let a collecting execution wait until another time."""

    async def admit(self, changes: Mapping[ExecutionId, Admission], *, now: datetime) -> None:
        """Queue waiting executions: they have passed all gates."""

    async def retake(self, execution_id: ExecutionId, admission: Admission) -> None:
        """Let an execution that was queued again hold its slot from now on, or wait for it."""

    async def redirect(self, redirects: Sequence[Redirect]) -> None:
        """Write what became of events that were stored as ``started`` and started nothing."""

    async def merged(self, event_id: EventId, *, limit: int) -> tuple[int, Sequence[Event]]:
        """How many events were merged into the execution that an event started, and the newest ones, in order."""

    async def show(self, execution_id: ExecutionId, event_id: EventId) -> None:
        """Let an execution see an event in place of its first one."""

    async def gates(self, *, after: str, limit: int) -> Sequence[Gate]:
        """The gates where executions wait, from the one after a name on."""

    async def published(self, workflow_ids: Sequence[WorkflowId]) -> Mapping[WorkflowId, VersionId]:
        """The published version of each of these workflows that has one."""

    async def next_closing(self) -> datetime | None:
        """When the next collecting execution is due."""

    async def due(self, *, now: datetime, limit: int) -> Sequence[Gate]:
        """Gates with collecting executions that are due."""
