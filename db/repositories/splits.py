"""Splits of events between two versions, and what came of both."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, delete, func, select, text

from db.split_tables import splits
from db.tables import executions
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import ProjectId, VersionId, WorkflowId
from engine.model.execution import Status
from engine.model.split import Split, SplitOutcome

_MARGIN_MILLISECONDS = 60_000
"""By how much the clocks of two processes may differ, whose ids begin with their time."""

_SECONDS = {
    True: "extract(epoch FROM (finished_at - started_at))::float8",
    # A difference of Julian days is exact to some 40 microseconds only; the texts have one width (``time_text``).
    False: "strftime('%s', finished_at) - strftime('%s', started_at)"
    " + CAST(substr(finished_at, 20, 7) AS REAL) - CAST(substr(started_at, 20, 7) AS REAL)",
}
# Nearest rank: the first place at which so much of all is reached.
_PLACES = {"p50_seconds": "(number + 1) / 2", "p95_seconds": "(number * 95 + 99) / 100"}


class SplitRepository:
    """Splits in one transaction. Implements ``engine.repositories.Splits``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def put(self, project: ProjectId, split: Split) -> None:
        """Begin a split in place of the one there was."""
        values = {name: getattr(split, name) for name in split.__slots__ if name != "workflow_id"}
        values["project_id"] = project
        await self._transaction.run(
            self._transaction.insert(splits)
            .values(workflow_id=split.workflow_id, **values)
            .on_conflict_do_update(index_elements=["workflow_id"], set_=values)
        )

    async def find(self, workflow_id: WorkflowId) -> Split | None:
        row = await self._transaction.first(select(splits).where(splits.c.workflow_id == workflow_id))
        return None if row is None else split_of(row)

    async def end(self, workflow_id: WorkflowId) -> bool:
        """Remove it; false if there was none."""
        return await self._transaction.changed(delete(splits).where(splits.c.workflow_id == workflow_id))

    async def outcomes(self, split: Split) -> Mapping[VersionId, SplitOutcome]:
        """What came of both versions' executions since the split began."""
        counts = await self._transaction.rows(
            select(executions.c.version_id, executions.c.status, func.count().label("number"))
            .where(
                executions.c.workflow_id == split.workflow_id,
                executions.c.id >= _floor(split.id),
                one_of(executions.c.version_id, [split.base_id, split.version_id]),
                executions.c.created_at >= split.began_at,
                text("executions.rerun_of IS NULL"),
            )
            .group_by(executions.c.version_id, executions.c.status)
        )
        found = {}
        times = {name: await self._percentile(split, place) for name, place in _PLACES.items()}
        for version in (split.base_id, split.version_id):
            by_status = {status.value: 0 for status in Status}
            by_status |= {row.status: row.number for row in counts if row.version_id == version}
            durations = {name: by_version.get(version) for name, by_version in times.items()}
            found[version] = SplitOutcome(by_status=by_status, **durations)
        return found

    async def _percentile(self, split: Split, place: str) -> Mapping[VersionId, float]:
        columns = (executions.c.finished_at, executions.c.started_at)
        seconds = _SECONDS[self._transaction.postgres]
        ranked = (
            select(
                executions.c.version_id,
                text(f"{seconds} AS seconds"),
                text("count(*) OVER (PARTITION BY version_id) AS number"),
                text(f"row_number() OVER (PARTITION BY version_id ORDER BY {seconds}) AS place"),
            )
            .where(
                executions.c.workflow_id == split.workflow_id,
                executions.c.id >= _floor(split.id),
                one_of(executions.c.version_id, [split.base_id, split.version_id]),
                executions.c.created_at >= split.began_at,
                text("executions.rerun_of IS NULL AND executions.status IN ('succeeded', 'failed')"),
                *(column.is_not(None) for column in columns),
            )
            .subquery("ranked")
        )
        chosen = select(ranked.c.version_id, text("seconds")).select_from(ranked).where(text(f"place = {place}"))
        return {VersionId(row.version_id): float(row.seconds) for row in await self._transaction.rows(chosen)}


def split_of(row: Row[Any], *, prefix: str = "") -> Split:
    """Read a row of ``splits``, whose columns may have a prefix."""
    return Split(**{name: getattr(row, prefix + name) for name in Split.__slots__})


def _floor(split_id: str) -> str:
    """An id that is smaller than any made since the split began, on a clock that may be somewhat behind."""
    milliseconds = max((uuid.UUID(split_id).int >> 80) - _MARGIN_MILLISECONDS, 0)
    return str(uuid.UUID(int=milliseconds << 80))
