"""Finding executions that are no longer kept, and removing them with all that is theirs, a little at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, any_, delete, exists, func, literal_column, select, text, update
from sqlalchemy.engine import CursorResult

from db.repositories.arrivals import delete_arrivals
from db.tables import dead_letters, events, executions, steps
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import ExecutionId, WorkflowId
from engine.model.event import Fate
from engine.model.execution import Status

WINDOW = 500
"""How many rows one look for expired ones reads; rows are looked at in the order of their making."""

_FINAL = text("executions.status IN ('succeeded', 'failed', 'cancelled')")
_FINAL_STATES = frozenset(status.value for status in Status if status.is_final)


class Pruning:
    """The part of ``ExecutionRepository`` that forgets."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def expired(self, workflow_id: WorkflowId, *, before: datetime, limit: int) -> Sequence[ExecutionId]:
        """Final executions that finished before a time, oldest first.

        The look ends where all that follow were made after that time, so it does not read what is kept.
        """
        found: list[ExecutionId] = []
        columns = (executions.c.id, executions.c.status, executions.c.created_at, executions.c.finished_at)
        statement = select(*columns).where(executions.c.workflow_id == workflow_id).order_by(executions.c.id)
        rows = await self._transaction.rows(statement.limit(WINDOW))
        while rows and len(found) < limit:
            found += [
                ExecutionId(row.id)
                for row in rows
                if row.status in _FINAL_STATES and row.finished_at is not None and row.finished_at < before
            ]
            if len(rows) < WINDOW or all(row.created_at >= before for row in rows):
                break
            rows = await self._transaction.rows(statement.where(executions.c.id > rows[-1].id).limit(WINDOW))
        return found[:limit]

    async def surplus(self, workflow_id: WorkflowId, *, keep: int, limit: int) -> Sequence[ExecutionId]:
        """Final executions beyond the ``keep`` newest, oldest first."""
        theirs = select(executions.c.id).where(executions.c.workflow_id == workflow_id, _FINAL)
        newest = await self._transaction.scalar(theirs.order_by(executions.c.id.desc()).offset(keep).limit(1))
        if newest is None:
            return []
        statement = theirs.where(executions.c.id <= newest).order_by(executions.c.id).limit(limit)
        return [ExecutionId(row.id) for row in await self._transaction.rows(statement)]

    async def lock_final(self, ids: Sequence[ExecutionId]) -> Sequence[ExecutionId]:
        """Those that are still final, locked until commit: nobody revives what is being removed."""
        if not ids:
            return []
        statement = (
            select(executions.c.id)
            .where(one_of(executions.c.id, ids), _FINAL)
            .order_by(executions.c.id)
            .with_for_update(skip_locked=True)
        )
        return [ExecutionId(row.id) for row in await self._transaction.rows(statement)]

    async def trim(self, ids: Sequence[ExecutionId], *, limit: int) -> int:
        """Remove at most ``limit`` steps of executions and as many repeats of their events; return how many rows went.

        One execution may have more of them than a short transaction can remove. While the answer is not 0 there may be
        more; a crash in between leaves executions that show fewer steps than they had.
        """
        if not ids:
            return 0
        theirs = one_of(steps.c.execution_id, ids)
        gone = await self._delete_some(steps, theirs, limit)
        first = select(executions.c.event_id).where(one_of(executions.c.id, ids))
        repeats = and_(
            events.c.first_event_id.is_not(None),
            events.c.first_event_id.in_(first),
            events.c.fate == Fate.DUPLICATE.value,
        )
        return gone + await self._delete_some(events, repeats, limit)

    async def delete(self, ids: Sequence[ExecutionId]) -> None:
        """Remove executions with their steps, dead letters and those events that no other execution needs.

        An event that a rerun still needs stays without its execution, and counts as accepted no more: the balance of
        its trigger, which does not count reruns, still holds. With an event that was made of several go those it was
        made of, unless a rerun needs it.
        """
        if not ids:
            return
        chosen = one_of(executions.c.id, ids)
        gone = await self._transaction.rows(select(executions.c.event_id).where(chosen).distinct())
        seen = [row.event_id for row in gone]
        made_of = select(events.c.first_event_id).where(one_of(events.c.id, seen), events.c.first_event_id.is_not(None))
        event_ids = [*seen, *(row.first_event_id for row in await self._transaction.rows(made_of))]
        await self._transaction.run(delete(steps).where(one_of(steps.c.execution_id, ids)))
        await self._transaction.run(delete(dead_letters).where(one_of(dead_letters.c.execution_id, ids)))
        await delete_arrivals(self._transaction, ids)
        await self._transaction.run(delete(executions).where(chosen))
        await self._transaction.run(
            update(events)
            .where(one_of(events.c.id, event_ids), one_of(events.c.execution_id, ids))
            .values(execution_id=None)
        )
        made, is_rerun = events.alias("made"), text("executions.rerun_of IS NOT NULL")
        rerun = exists().where(executions.c.event_id == events.c.id, is_rerun)
        rerun_of_made = exists().where(
            made.c.first_event_id == events.c.id, executions.c.event_id == made.c.id, is_rerun
        )
        unneeded = select(events.c.id).where(
            one_of(events.c.id, event_ids), events.c.execution_id.is_(None), ~rerun, ~rerun_of_made
        )
        removed = [row.id for row in await self._transaction.rows(unneeded)]
        repeats = and_(events.c.first_event_id.is_not(None), one_of(events.c.first_event_id, removed))
        await self._transaction.run(delete(events).where(repeats))
        await self._transaction.run(delete(events).where(one_of(events.c.id, removed)))

    async def _delete_some(self, table: Table, which: ColumnElement[bool], limit: int) -> int:
        """Delete at most ``limit`` rows by their place, which neither database needs to look for.

        By key SQLite would read the whole table, and PostgreSQL might, with figures about it that are old.
        """
        if self._transaction.postgres:
            place: ColumnElement[Any] = literal_column(f"{table.name}.ctid")
            some = select(place).select_from(table).where(which).limit(limit)
            chosen = place == any_(func.array(some.scalar_subquery()))
        else:
            place = literal_column(f"{table.name}.rowid")
            chosen = place.in_(select(place).select_from(table).where(which).limit(limit))
        # Said twice, because two parts of a table may have rows at the same place.
        result = await self._transaction.run(delete(table).where(chosen, which))
        return result.rowcount if isinstance(result, CursorResult) else 0
