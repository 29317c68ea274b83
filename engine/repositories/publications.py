"""What the database promises about publications and labels of versions."""

from collections.abc import Sequence
from typing import Protocol

from engine.model.base import ProjectId, VersionId, WorkflowId
from engine.model.publication import Label, Publication


class Publications(Protocol):
    """Publications and labels; they are removed with their workflow."""

    async def add(self, project: ProjectId, publication: Publication) -> None: ...

    async def list(self, workflow_id: WorkflowId) -> Sequence[Publication]:
        """All, newest first."""

    async def label(self, project: ProjectId, label: Label) -> None:
        """Give a version a label; another version of the workflow that had it loses it."""

    async def unlabel(self, version_id: VersionId, name: str, *, workflow_id: WorkflowId) -> bool:
        """Take a label off a version; false if that version does not have it."""

    async def labels(self, workflow_id: WorkflowId) -> Sequence[Label]:
        """All, by name."""
