"""What the database promises about executions that other executions started, and about what steps still wait for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.arrival import Awaited
from engine.model.base import (
    EventId,
    ExecutionId,
    JsonObject,
    ProjectId,
    TriggerId,
    VersionId,
    WorkflowId,
)
from engine.model.execution import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """An execution that its owner holds at this moment, as its children need to know it."""

    id: ExecutionId
    project_id: ProjectId
    workflow_id: WorkflowId
    version_id: VersionId
    trigger_key: str
    event_id: EventId
    event_trigger_id: TriggerId
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """An execution that a step started, and what it was started for."""

    slot: str
    execution: Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWait:
    """Something that a step waits for: the end of ``subject``, or whatever ``kind`` says."""

    execution_id: ExecutionId
    path: str
    subject: str
    kind: Awaited
    opened_at: datetime
    details: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedQuestion:
    """An open approval, and the workflow whose execution asks."""

    wait: OpenWait
    workflow_id: WorkflowId


class Children(Protocol):
    """Children, and the waits of their parents."""

    async def hold(self, execution_id: ExecutionId, *, epoch: int) -> Holder | None:
        """Lock an execution until the commit; ``None``: it does not run under this epoch any more."""

    async def of(self, execution_id: ExecutionId, path: str) -> Sequence[Child]:
        """The awaited children of a step, oldest first."""

    async def lock(self, execution_id: ExecutionId) -> Execution | None:
        """Lock any execution until the commit, so that it cannot end meanwhile, and return it."""

    async def watch(self, execution_id: ExecutionId) -> None:
        """Let the end of a locked execution be told to those who wait for it."""

    async def lineage(self, execution_id: ExecutionId) -> Sequence[str]:
        """The names of the workflows from the outermost ancestor down to this execution's own."""

    async def live_of(self, execution_id: ExecutionId) -> Sequence[ExecutionId]:
        """The awaited children of an execution that have not ended."""

    async def abandoned(self, *, after: str, limit: int) -> tuple[Sequence[ExecutionId], str]:
        """Those among one page of live awaited children that nobody waits for any more, and where the next page begins.

        Their parent was cancelled, or went on without them and has not failed. "" begins anew.
        """

    async def open(self, project: ProjectId, waits: Sequence[OpenWait]) -> None:
        """Write down what a step waits for; what is written already stays."""

    async def waiting_for(
        self, subject: str, *, until: datetime, after: OpenWait | None, limit: int
    ) -> Sequence[OpenWait]:
        """The waits for events of a trigger that were opened until then, by executions that have not ended."""

    async def close(self, execution_id: ExecutionId, path: str) -> None:
        """Forget what a step waits for."""

    async def questions(
        self,
        *,
        limit: int,
        project: ProjectId | None = None,
        id: str | None = None,
        execution_id: ExecutionId | None = None,
        path: str | None = None,
        after: str | None = None,
        assignee: str | None = None,
    ) -> Sequence[AskedQuestion]:
        """Open approvals of executions that have not ended, oldest first; of an assignee those without his answer."""
