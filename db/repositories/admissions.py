"""Executions that wait for their admission: looking at gates, and letting executions in or wait."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal_column, select, text, update

from db.admission_tables import AT_A_GATE, HOLDS_A_SLOT
from db.encoding import encode_json, time_text
from db.repositories.events import event_of
from db.repositories.gate_queries import COLLECTED, GATES, LOOK, SOURCES, read_standing, waiting_of
from db.tables import events, executions, workflows
from db.transaction import Transaction
from db.types import one_of
from engine.model.admission import Stage
from engine.model.base import EventId, ExecutionId, VersionId, WorkflowId, require_utc
from engine.model.event import Event, Fate
from engine.model.execution import Status
from engine.model.gate import Admission, Collected, Gate, Redirect, Standing, Waiting

_WAITING = text(AT_A_GATE)
_HOLDING = text(HOLDS_A_SLOT)
_MERGED = text("events.fate = 'merged'")
_STAGES = list(Stage)


class AdmissionRepository:
    """Gates in one transaction. Implements ``engine.repositories.Admissions``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def lock(self, gates: Sequence[Gate]) -> None:
        """Take turns until commit. On SQLite there is one writer at a time anyway."""
        if not self._transaction.postgres or not gates:
            return
        places = sorted({(_STAGES.index(gate.stage), _number(gate)) for gate in gates})
        await self._transaction.fetch(
            "SELECT pg_advisory_xact_lock(k) FROM unnest($1::int8[]) AS k", [number for _, number in places]
        )

    async def look(self, gates: Mapping[Gate, datetime]) -> Mapping[Gate, Standing]:
        """How the gates stand, in one statement. The time is the one from which starts are counted."""
        if not gates:
            return {}
        by_name = {str(gate): gate for gate in gates}
        if self._transaction.postgres:
            times = [require_utc(since) for since in gates.values()]
            rows = await self._transaction.fetch(LOOK.format(source=SOURCES[True]), list(by_name), times)
        else:
            pairs = [(name, time_text(gates[gate])) for name, gate in by_name.items()]
            rows = await self._transaction.fetch(LOOK.format(source=SOURCES[False]), encode_json(pairs))
        return {by_name[row[0]]: read_standing(row) for row in rows}

    async def collected(self, event_ids: Sequence[EventId]) -> Mapping[EventId, Collected]:
        """What was merged into the executions that these events started."""
        if not event_ids:
            return {}
        sql = COLLECTED[self._transaction.postgres]
        rows = await self._transaction.fetch(sql, self._transaction.texts(event_ids))
        return {
            EventId(str(row[0])): Collected(events=row[1], data_bytes=row[2] or 0, position=row[3] or 0) for row in rows
        }

    async def holders(self, gate: Gate, *, limit: int) -> Sequence[ExecutionId]:
        """The alive executions that hold a slot for longest."""
        statement = (
            select(executions.c.id)
            .where(executions.c.slot == str(gate), _HOLDING)
            .order_by(executions.c.slot_at, executions.c.position)
            .limit(limit)
        )
        return [ExecutionId(row.id) for row in await self._transaction.rows(statement)]

    async def waiting(self, gate: Gate, *, limit: int, due_by: datetime | None = None) -> Sequence[Waiting]:
        """The first that wait at a gate, in order; with ``due_by`` only those that are due by then."""
        statement = select(executions).where(executions.c.gate == str(gate), _WAITING)
        if due_by is not None:
            statement = statement.where(executions.c.due_at <= due_by)
        statement = statement.order_by(executions.c.position).limit(limit)
        return [waiting_of(row) for row in await self._transaction.rows(statement)]

    async def move(self, changes: Mapping[ExecutionId, Admission]) -> None:
        """Let waiting executions wait elsewhere, or until another time."""
        for execution_id, admission in changes.items():
            await self._change(execution_id, admission, status=Status.WAITING.value)

    async def postpone(self, execution_id: ExecutionId, due_at: datetime) -> None:
        """Let a collecting execution wait until another time."""
        await self._transaction.run(
            update(executions).where(executions.c.id == execution_id, _WAITING).values(due_at=due_at)
        )

    async def admit(self, changes: Mapping[ExecutionId, Admission], *, now: datetime) -> None:
        """Queue waiting executions: they have passed all gates."""
        for execution_id, admission in changes.items():
            await self._change(execution_id, admission, status=Status.QUEUED.value, queued_at=now, woken_at=now)

    async def retake(self, execution_id: ExecutionId, admission: Admission) -> None:
        """Let an execution that was queued again hold its slot from now on, or wait for it."""
        status = Status.QUEUED if admission.gate is None else Status.WAITING
        await self._transaction.run(
            update(executions)
            .where(executions.c.id == execution_id, executions.c.status == Status.QUEUED.value)
            .values(
                status=status.value,
                gate=admission.gate,
                position=admission.position,
                slot_at=admission.slot_at,
                wait_reason=admission.wait_reason,
            )
        )

    async def redirect(self, redirects: Sequence[Redirect]) -> None:
        """Write what became of events that were stored as ``started`` and started nothing."""
        for one in redirects:
            fate = Fate.SKIPPED if one.execution_id is None else Fate.MERGED
            await self._transaction.run(
                update(events)
                .where(events.c.id == one.event_id)
                .values(
                    fate=fate.value,
                    reason=one.reason,
                    execution_id=one.execution_id,
                    first_event_id=one.first_event_id,
                    position=one.position,
                )
            )

    async def merged(self, event_id: EventId, *, limit: int) -> tuple[int, Sequence[Event]]:
        """How many events were merged into the execution that an event started, and the newest ones, in order."""
        theirs = (events.c.first_event_id == event_id, _MERGED)
        number = await self._transaction.scalar(select(func.count()).select_from(events).where(*theirs))
        if not number:
            return 0, ()
        newest = select(events).where(*theirs).order_by(events.c.position.desc()).limit(limit)
        rows = list(reversed(await self._transaction.rows(newest)))
        loaded = await self._transaction.blobs.load([row.data for row in rows])
        return number, [event_of(row, loaded.of(row.data)) for row in rows]

    async def show(self, execution_id: ExecutionId, event_id: EventId) -> None:
        """Let an execution see an event in place of its first one."""
        await self._transaction.run(update(executions).where(executions.c.id == execution_id).values(event_id=event_id))

    async def gates(self, *, after: str, limit: int) -> Sequence[Gate]:
        """The gates where executions wait, from the one after a name on."""
        rows = await self._transaction.fetch(GATES[self._transaction.postgres], after, limit)
        return [Gate.parse(row[0]) for row in rows]

    async def published(self, workflow_ids: Sequence[WorkflowId]) -> Mapping[WorkflowId, VersionId]:
        """The published version of each of these workflows that has one."""
        if not workflow_ids:
            return {}
        statement = select(workflows.c.id, workflows.c.published).where(
            one_of(workflows.c.id, sorted(set(workflow_ids))), workflows.c.published.is_not(None)
        )
        rows = await self._transaction.rows(statement)
        return {WorkflowId(row.id): VersionId(row.published) for row in rows}

    async def next_closing(self) -> datetime | None:
        """When the next collecting execution is due."""
        due_at: datetime | None = await self._transaction.scalar(
            select(executions.c.due_at)
            .where(executions.c.status == literal_column("'waiting'"), executions.c.due_at.is_not(None), _WAITING)
            .order_by(executions.c.due_at)
            .limit(1)
        )
        return due_at

    async def due(self, *, now: datetime, limit: int) -> Sequence[Gate]:
        """Gates with collecting executions that are due."""
        statement = (
            select(executions.c.gate)
            .where(executions.c.status == literal_column("'waiting'"), executions.c.due_at <= now, _WAITING)
            .order_by(executions.c.due_at)
            .limit(limit)
        )
        names = dict.fromkeys(row.gate for row in await self._transaction.rows(statement))
        return [Gate.parse(name) for name in names]

    async def _change(self, execution_id: ExecutionId, admission: Admission, **more: Any) -> None:
        await self._transaction.run(
            update(executions)
            .where(executions.c.id == execution_id, _WAITING)
            .values(
                gate=admission.gate,
                position=admission.position,
                slot=admission.slot,
                slot_at=admission.slot_at,
                rate=admission.rate,
                admitted_at=admission.admitted_at,
                due_at=admission.due_at,
                wait_reason=admission.wait_reason,
                **more,
            )
        )


def _number(gate: Gate) -> int:
    """The number that PostgreSQL locks; two gates that share one by chance only wait for each other."""
    return int.from_bytes(hashlib.blake2b(str(gate).encode(), digest_size=8).digest(), signed=True)
