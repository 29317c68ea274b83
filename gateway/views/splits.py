"""A split of events between two versions, and what came of both."""

from datetime import datetime

from msgspec import Struct

from engine.model.base import VersionId
from engine.model.split import SplitOutcome
from engine.splitting import Comparison


class OutcomeView(Struct, frozen=True, kw_only=True):
    """What came of one version's executions since the split began; reruns are left out.

    ``failure_rate`` is the share of the failed among those that succeeded or failed; the durations are theirs, in
    seconds, from their first claim to their end. ``null``: none has ended yet.
    """

    version: int
    percent: int
    by_status: dict[str, int]
    failure_rate: float | None
    p50_seconds: float | None
    p95_seconds: float | None


class SplitView(Struct, frozen=True, kw_only=True):
    """``percent`` of the events go to ``version``, the others to the published version ``base``."""

    version: int
    percent: int
    base: int
    began_at: datetime
    began_by: str
    outcomes: list[OutcomeView]


def split_view(found: Comparison) -> SplitView:
    split = found.split
    return SplitView(
        version=found.challenger.number,
        percent=split.percent,
        base=found.base.number,
        began_at=split.began_at,
        began_by=split.began_by,
        outcomes=[
            _outcome(found.base.number, 100 - split.percent, found.outcomes[VersionId(split.base_id)]),
            _outcome(found.challenger.number, split.percent, found.outcomes[VersionId(split.version_id)]),
        ],
    )


def _outcome(number: int, percent: int, outcome: SplitOutcome) -> OutcomeView:
    return OutcomeView(
        version=number,
        percent=percent,
        by_status=dict(outcome.by_status),
        failure_rate=outcome.failure_rate,
        p50_seconds=outcome.p50_seconds,
        p95_seconds=outcome.p95_seconds,
    )
