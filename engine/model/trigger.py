"""Triggers as they are stored: part of a published version, with an identity and a state that outlive versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.model.base import ProjectId, TriggerId, VersionId, WorkflowId
from engine.model.workflow import TriggerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger of a workflow. Its id stays the same for the same key of the same workflow, whatever the version.

    ``active`` is false for one that the published version no longer has. ``cursor`` is the schedule's last nominal
    time handed over (ISO 8601). ``awaited``: steps may wait for its events.
    """

    id: TriggerId
    project_id: ProjectId
    workflow_id: WorkflowId
    version_id: VersionId
    key: str
    kind: TriggerKind
    active: bool
    enabled: bool
    cursor: str | None = None
    last_event_at: datetime | None = None
    next_due_at: datetime | None = None
    hook_id: str | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Promise 2 for one trigger: ``accepted`` minus everything that became of it is ``difference``, always 0."""

    accepted: int
    by_status: Mapping[str, int]
    by_fate: Mapping[str, int]

    @property
    def difference(self) -> int:
        """Accepted events that started an execution, minus the executions in any state."""
        return self.accepted - sum(self.by_status.values())
