"""What the database promises about workflows, their versions and their triggers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.base import ProjectId, TriggerId, VersionId, WorkflowId
from engine.model.split import Split
from engine.model.trigger import Trigger
from engine.model.workflow import TriggerKind, Version, Workflow, WorkflowStatus
from engine.repositories.paging import Page


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

    async def everywhere(self, page: Page) -> Sequence[Workflow]:
        """Those of all projects, for housekeeping; newest first."""

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
    split: Split | None = None


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
