"""A split of a workflow's events between two versions, and what came of both."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.model.base import VersionId, WorkflowId

_PARTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """``percent`` (1 to 99) of the events go to ``version_id``, the others to the published version ``base_id``."""

    id: str
    workflow_id: WorkflowId
    base_id: VersionId
    version_id: VersionId
    percent: int
    began_at: datetime
    began_by: str

    def takes(self, key: str) -> bool:
        """Whether the event with this dedupe key or id goes to ``version_id``: always the same for the same key."""
        digest = hashlib.blake2b(f"{self.workflow_id}/{key}".encode(errors="replace"), digest_size=8).digest()
        return int.from_bytes(digest) % _PARTS < self.percent


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOutcome:
    """What came of one version's executions since the split began; reruns are left out.

    Durations are of those that succeeded or failed, from their first claim to their end, in seconds; ``None``: no such.
    """

    by_status: Mapping[str, int]
    p50_seconds: float | None = None
    p95_seconds: float | None = None

    @property
    def failure_rate(self) -> float | None:
        """The share of the failed among those that succeeded or failed; ``None``: none has ended yet."""
        ended = self.by_status["succeeded"] + self.by_status["failed"]
        return self.by_status["failed"] / ended if ended else None
