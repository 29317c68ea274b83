"""What the database promises about splits of events between two versions."""

from collections.abc import Mapping
from typing import Protocol

from engine.model.base import ProjectId, VersionId, WorkflowId
from engine.model.split import Split, SplitOutcome


class Splits(Protocol):
    """At most one per workflow."""

    async def put(self, project: ProjectId, split: Split) -> None:
        """Begin a split in place of the one there was."""

    async def find(self, workflow_id: WorkflowId) -> Split | None: ...

    async def end(self, workflow_id: WorkflowId) -> bool:
        """Remove it; false if there was none."""

    async def outcomes(self, split: Split) -> Mapping[VersionId, SplitOutcome]:
        """What came of both versions' executions since the split began."""
