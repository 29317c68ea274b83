"""What people do with versions: publish them, and give them labels."""

from dataclasses import dataclass
from datetime import datetime

from engine.model.base import VersionId, WorkflowId


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One act of publishing: from then on new events ran this version. ``note`` is why, if somebody said it."""

    id: str
    workflow_id: WorkflowId
    version_id: VersionId
    published_at: datetime
    published_by: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name for a version, such as ``stable``; a workflow has each label once."""

    workflow_id: WorkflowId
    version_id: VersionId
    name: str
    set_at: datetime
    set_by: str
