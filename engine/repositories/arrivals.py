"""What the database promises about what comes from outside for executions that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.arrival import Arrival
from engine.model.base import ExecutionId, ProjectId
from engine.model.execution import Status, StepStatus
from engine.model.workflow import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an execution and its step at a path stand; ``step`` is ``None`` for one that was not recorded yet.

    ``due_at`` is when the step stops to wait, ``deadline_at`` when the time of the whole execution is up.
    """

    project_id: ProjectId
    status: Status
    deadline_at: datetime
    step: StepStatus | None
    due_at: datetime | None


class Arrivals(Protocol):
    """Arrivals. Nothing that was stored is lost: whoever waits for it is woken by ``wake`` sooner or later."""

    async def standing(self, execution_id: ExecutionId, path: str, *, lock: bool = True) -> Standing | None:
        """Say how an execution and its step at a path stand; ``None``: there is none.

        With ``lock`` nobody can claim, record, wake or end it before the commit.
        """

    async def add(self, project: ProjectId, arrivals: Sequence[Arrival]) -> list[Arrival]:
        """Store those whose identity is new and return them."""

    async def of(self, execution_id: ExecutionId, path: str) -> tuple[Arrival, ...]:
        """What has come for a step, the oldest first."""

    async def ready(self, *, limit: int, ids: Sequence[ExecutionId] | None = None) -> Sequence[ExecutionId]:
        """Waiting executions, among ``ids`` if given, that something has come for and that nobody was woken for yet."""

    async def wake(self, ids: Sequence[ExecutionId], *, now: datetime) -> Sequence[tuple[ExecutionId, Lane]]:
        """Queue those among ``ids`` that wait, and count what has come for them as heard.

        One that another transaction holds at this moment is left out; it stays ready.
        """

    async def forget_ended(self, *, limit: int) -> int:
        """Stop watching over arrivals whose execution has ended; return how many there were."""
