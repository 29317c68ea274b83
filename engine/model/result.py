"""What a step gave, kept so that it may stand in for another call until it expires."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model.base import Json, ProjectId, WorkflowId


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultKey:
    """Whose result it is. ``digest`` stands for project, workflow, node, what the node calls, and the author's key."""

    digest: str
    project_id: ProjectId
    workflow_id: WorkflowId
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """The wish to keep a result, if the step succeeds."""

    key: ResultKey
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A kept output. It counts while ``expires_at`` lies ahead."""

    key: ResultKey
    output: Json
    stored_at: datetime
    expires_at: datetime
