"""Storing new executions and handing queued ones to an executor."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from db.bulk import Columns, Kind
from db.debug_plans import read_plan
from db.encoding import read_optional, read_time, time_text
from db.large_values import read_large
from db.repositories.arrivals import awaiting, read_arrivals
from db.repositories.steps import read_steps
from db.transaction import Transaction
from engine.model.arrival import Arrival
from engine.model.base import (
    EventId,
    ExecutionId,
    ExecutorId,
    Json,
    ProjectId,
    VersionId,
    WorkflowId,
    require_utc,
)
from engine.model.event import NewExecution
from engine.model.execution import NO_ARRIVALS, Claimed, Status, StepRecord
from engine.model.gate import Admission
from engine.model.lineage import Parent

_COLUMNS = Columns.of(
    id=Kind.ID,
    project_id=Kind.ID,
    workflow_id=Kind.ID,
    version_id=Kind.ID,
    trigger_id=Kind.ID,
    trigger_key=Kind.WORD,
    event_id=Kind.ID,
    rerun_of=Kind.ID,
    parent_id=Kind.ID,
    parent_path=Kind.TEXT,
    parent_slot=Kind.TEXT,
    depth=Kind.INT,
    watched=Kind.BOOL,
    entry=Kind.TEXT,
    lane=Kind.WORD,
    created_at=Kind.TIME,
    deadline_at=Kind.TIME,
    reply_to=Kind.TEXT,
)
_GATED = Columns.of(
    **dict(zip(_COLUMNS.names, _COLUMNS.kinds, strict=True)),
    status=Kind.WORD,
    gate=Kind.WORD,
    position=Kind.LONG,
    slot=Kind.WORD,
    slot_at=Kind.TIME,
    rate=Kind.WORD,
    admitted_at=Kind.TIME,
    due_at=Kind.TIME,
    wait_reason=Kind.WORD,
)
_FRESH = {"status": "'queued'", "epoch": "0", "queued_at": "new.created_at", "woken_at": "new.created_at"}
_INSERT_POSTGRES = _COLUMNS.insert_arrays("executions", **_FRESH)
_INSERT_SQLITE = _COLUMNS.insert_row("executions", **_FRESH)
_FRESH_GATED = {name: value for name, value in _FRESH.items() if name != "status"}
_INSERT_GATED_POSTGRES = _GATED.insert_arrays("executions", **_FRESH_GATED)
_INSERT_GATED_SQLITE = _GATED.insert_row("executions", **_FRESH_GATED)

# `status || ''` keeps the planner from the partial index on queued rows: with figures from a time when few were
# queued it would read all of that index, which is the whole backlog, for every claim.
_CLAIM_POSTGRES = """
    UPDATE executions AS e
    SET status = 'running', owner = $2, epoch = e.epoch + 1, started_at = coalesce(e.started_at, $3)
    FROM events AS v
    WHERE e.id = ANY ($1::uuid[]) AND e.status || '' = 'queued' AND v.id = e.event_id
    RETURNING e.id, e.project_id, e.workflow_id, e.version_id, e.trigger_key, e.event_id, e.epoch, e.created_at,
        e.woken_at, e.deadline_at, e.reply_to, e.entry, v.occurred_at, v.envelope, v.data, e.debug,
        e.slot
"""
_CLAIM_SQLITE = """
    UPDATE executions
    SET status = 'running', owner = ?, epoch = epoch + 1, started_at = coalesce(started_at, ?)
    WHERE id IN (SELECT value FROM json_each(?)) AND status || '' = 'queued'
    RETURNING id, project_id, workflow_id, version_id, trigger_key, event_id, epoch, created_at, woken_at,
        deadline_at, reply_to, entry, debug, slot
"""
_EVENTS_SQLITE = "SELECT id, occurred_at, envelope, data FROM events WHERE id IN (SELECT value FROM json_each(?))"

_DAMAGE = "a large value of this execution is missing from the database; start the workflow again with the same input"


class Claiming:
    """The part of ``ExecutionRepository`` that stores new executions and claims queued ones."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def insert(self, executions: Sequence[NewExecution]) -> None:
        """Store them as ``queued``, or ``waiting`` at a gate; woken at their creation."""
        plain = [_values(execution) for execution in executions if execution.admission is None]
        gated = [(*_values(new), *_gate_values(new.admission)) for new in executions if new.admission is not None]
        if self._transaction.postgres:
            if plain:
                await self._transaction.fetch_columns(_INSERT_POSTGRES, _COLUMNS, plain)
            if gated:
                await self._transaction.fetch_columns(_INSERT_GATED_POSTGRES, _GATED, gated)
            return
        if plain:
            await self._transaction.each(_INSERT_SQLITE, _COLUMNS, plain)
        if gated:
            await self._transaction.each(_INSERT_GATED_SQLITE, _GATED, gated)

    async def claim(self, ids: Sequence[ExecutionId], *, owner: ExecutorId, now: datetime) -> Sequence[Claimed]:
        """Give the queued ones among ``ids`` to ``owner`` and raise their epoch.

        Ids missing from the answer are no error: somebody else claimed them, or they came to rest. If the owner dies
        after the commit, the reaper queues them again, and the owner's late writes fail on the epoch.
        """
        if not ids:
            return []
        claim = self._claim_postgres if self._transaction.postgres else self._claim_sqlite
        rows = await claim(ids, owner, now)
        known = [ExecutionId(str(row[0])) for row in rows if row[6] > 1]
        damaged: set[str] = set()
        steps = await read_steps(self._transaction, known, damaged=damaged) if known else {}
        asking = awaiting(steps.items())
        arrived = await read_arrivals(self._transaction, asking) if asking else {}
        data = [read_large(row[14]) for row in rows]
        loaded = await self._transaction.blobs.load(data)
        damaged.update(str(row[0]) for row, value in zip(rows, data, strict=True) if loaded.lacks(value))
        return [
            _claimed(
                row,
                loaded.of(value),
                steps.get(str(row[0]), ()),
                arrived=arrived.get(str(row[0]), NO_ARRIVALS),
                damaged=str(row[0]) in damaged,
            )
            for row, value in zip(rows, data, strict=True)
        ]

    async def _claim_postgres(
        self, ids: Sequence[ExecutionId], owner: ExecutorId, now: datetime
    ) -> Sequence[Sequence[Any]]:
        return await self._transaction.fetch(_CLAIM_POSTGRES, self._transaction.texts(ids), owner, require_utc(now))

    async def _claim_sqlite(
        self, ids: Sequence[ExecutionId], owner: ExecutorId, now: datetime
    ) -> Sequence[Sequence[Any]]:
        rows = await self._transaction.fetch(_CLAIM_SQLITE, owner, time_text(now), self._transaction.texts(ids))
        found = await self._transaction.fetch(_EVENTS_SQLITE, self._transaction.texts([row[5] for row in rows]))
        events = {event[0]: event[1:] for event in found}
        return [(*row[:12], *events[row[5]], *row[12:]) for row in rows if row[5] in events]


def _values(new: NewExecution) -> tuple[Any, ...]:
    return (
        new.id,
        new.project_id,
        new.workflow_id,
        new.version_id,
        new.trigger_id,
        new.trigger_key,
        new.event_id,
        new.rerun_of,
        *_lineage(new.parent),
        new.entry,
        new.lane.value,
        new.created_at,
        new.deadline_at,
        new.reply_to,
    )


def _gate_values(admission: Admission) -> tuple[Any, ...]:
    return (
        (Status.QUEUED if admission.gate is None else Status.WAITING).value,
        admission.gate,
        admission.position,
        admission.slot,
        admission.slot_at,
        admission.rate,
        admission.admitted_at,
        admission.due_at,
        admission.wait_reason,
    )


def _lineage(parent: Parent | None) -> tuple[Any, ...]:
    if parent is None:
        return None, None, None, None, None
    slot, watched = (parent.slot, True) if parent.awaited else (None, None)
    return parent.execution_id, parent.path, slot, parent.depth, watched


def _claimed(
    row: Sequence[Any],
    data: Json,
    steps: tuple[StepRecord, ...],
    *,
    arrived: Mapping[str, tuple[Arrival, ...]],
    damaged: bool,
) -> Claimed:
    return Claimed(
        id=ExecutionId(str(row[0])),
        project_id=ProjectId(str(row[1])),
        workflow_id=WorkflowId(str(row[2])),
        version_id=VersionId(str(row[3])),
        trigger_key=row[4],
        event_id=EventId(str(row[5])),
        epoch=row[6],
        created_at=read_time(row[7]),
        woken_at=read_time(row[8]),
        deadline_at=read_time(row[9]),
        reply_to=row[10],
        entry=row[11],
        occurred_at=read_time(row[12]),
        envelope=read_optional(row[13]) or {},
        data=data,
        steps=steps,
        arrivals=arrived,
        damage=_DAMAGE if damaged else None,
        debug=read_plan(read_optional(row[15])),
        slot=row[16],
    )
