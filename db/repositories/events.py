"""Events: stored once per dedupe key, and what became of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, select, text, update

from db.bulk import Columns, Kind
from db.encoding import clean_text, encode_json, optional_json
from db.large_values import marked
from db.repositories.awaiting import Awaiting
from db.repositories.paging import paged
from db.tables import events, workflows
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import EventId, ExecutionId, Json, ProjectId, TriggerId, WorkflowId, is_id
from engine.model.event import Event, Fate
from engine.model.workflow import WorkflowStatus
from engine.repositories import EventFilter, Page

_COLUMNS = Columns.of(
    id=Kind.ID,
    project_id=Kind.ID,
    workflow_id=Kind.ID,
    trigger_id=Kind.ID,
    dedupe_key=Kind.TEXT,
    occurred_at=Kind.TIME,
    accepted_at=Kind.TIME,
    envelope=Kind.WORD,
    data=Kind.WORD,
    fate=Kind.WORD,
    reason=Kind.TEXT,
    execution_id=Kind.ID,
    first_event_id=Kind.ID,
)
_INSERT_POSTGRES = _COLUMNS.insert_arrays("events") + " ON CONFLICT DO NOTHING RETURNING id"
_INSERT_SQLITE = _COLUMNS.insert_row("events")
_PRESENT_SQLITE = """
    SELECT id, NULL, NULL FROM events WHERE id IN (SELECT value FROM json_each(?))
    UNION ALL
    SELECT NULL, e.trigger_id, e.dedupe_key FROM json_each(?) AS k
    JOIN events AS e ON e.trigger_id = json_extract(k.value, '$[0]') AND e.dedupe_key = json_extract(k.value, '$[1]')
"""
_HELD = text("events.fate = 'held'")
_WINDOW = 500  # how many rows one look for expired ones reads
_ENDED = [fate.value for fate in Fate if fate not in (Fate.STARTED, Fate.HELD, Fate.MERGED)]


class EventRepository(Awaiting):
    """Events in one transaction. Implements ``engine.repositories.Events``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def insert(self, events: Sequence[Event]) -> set[EventId]:
        """Store those whose id and dedupe key are new, and return their ids.

        On PostgreSQL this waits for another transaction that is storing the same key, and then skips it. Keys are
        stored in order, so that two transactions with several keys in common cannot wait for each other.
        """
        if not events:
            return set()
        if self._transaction.postgres:
            rows = [self._values(event) for event in sorted(events, key=_dedupe_order)]
            found = await self._transaction.fetch_columns(_INSERT_POSTGRES, _COLUMNS, rows)
            return {EventId(str(row[0])) for row in found}
        fresh = await self._without_present(events)
        if fresh:
            await self._transaction.each(_INSERT_SQLITE, _COLUMNS, [self._values(event) for event in fresh])
        return {event.id for event in fresh}

    async def take_awaited(self, event_id: EventId) -> Event | None:
        """Keep one no longer and return it; ``None``: somebody else took it, or it was removed."""
        if not await self._take(event_id):
            return None
        project = await self._transaction.scalar(select(events.c.project_id).where(events.c.id == event_id))
        return None if project is None else await self.find(ProjectId(project), event_id)

    async def firsts(self, keys: Sequence[tuple[TriggerId, str]]) -> Mapping[tuple[TriggerId, str], Event]:
        """Return the stored events with these dedupe keys, with markers for large data."""
        wanted = {(trigger, clean_text(key)): (trigger, key) for trigger, key in keys}
        if not wanted:
            return {}
        statement = select(events).where(
            one_of(events.c.trigger_id, sorted({trigger for trigger, _ in wanted})),
            one_of(events.c.dedupe_key, sorted({key for _, key in wanted if key is not None})),
        )
        found = [event_of(row, marked(row.data)) for row in await self._transaction.rows(statement)]
        return {
            wanted[event.trigger_id, event.dedupe_key]: event
            for event in found
            if (event.trigger_id, event.dedupe_key) in wanted
        }

    async def find(self, project: ProjectId, event_id: EventId) -> Event | None:
        if not is_id(event_id):
            return None
        row = await self._transaction.first(
            select(events).where(events.c.id == event_id, events.c.project_id == project)
        )
        if row is None:
            return None
        loaded = await self._transaction.blobs.load([row.data])
        return event_of(row, loaded.of(row.data))

    async def list(self, project: ProjectId, where: EventFilter, page: Page) -> Sequence[Event]:
        """A page of them, with markers for large data."""
        statement = paged(_filtered(select(events).where(events.c.project_id == project), where), events.c.id, page)
        return [event_of(row, marked(row.data)) for row in await self._transaction.rows(statement)]

    async def releasable(self, *, limit: int) -> Sequence[Event]:
        """The oldest held events of active workflows, locked until commit; two callers never get the same one.

        Large data are markers.
        """
        statement = (
            select(events)
            .join(workflows, workflows.c.id == events.c.workflow_id)
            .where(_HELD, workflows.c.status == WorkflowStatus.ACTIVE.value)
            .order_by(events.c.id)
            .limit(limit)
            .with_for_update(of=events, skip_locked=True)
        )
        return [event_of(row, marked(row.data)) for row in await self._transaction.rows(statement)]

    async def expired(self, workflow_id: WorkflowId, *, before: datetime, limit: int) -> Sequence[EventId]:
        """Events accepted before a time that started nothing and are not held, oldest first.

        The look ends where all that follow were accepted after that time, so it does not read what is kept.
        """
        found: list[EventId] = []
        columns = (events.c.id, events.c.accepted_at, events.c.fate)
        statement = select(*columns).where(events.c.workflow_id == workflow_id).order_by(events.c.id)
        rows = await self._transaction.rows(statement.limit(_WINDOW))
        while rows and len(found) < limit:
            found += [EventId(row.id) for row in rows if row.fate in _ENDED and row.accepted_at < before]
            if len(rows) < _WINDOW or all(row.accepted_at >= before for row in rows):
                break
            rows = await self._transaction.rows(statement.where(events.c.id > rows[-1].id).limit(_WINDOW))
        return found[:limit]

    async def delete(self, ids: Sequence[EventId]) -> None:
        """Remove such events."""
        if ids:
            await self._transaction.run(delete(events).where(one_of(events.c.id, ids), events.c.fate.in_(_ENDED)))

    async def settle(self, event_id: EventId, *, fate: Fate, reason: str, execution_id: ExecutionId | None) -> bool:
        """Decide a held event's fate; false if it is no longer held."""
        statement = (
            update(events)
            .where(events.c.id == event_id, events.c.fate == Fate.HELD.value)
            .values(fate=fate.value, reason=reason or None, execution_id=execution_id)
        )
        return await self._transaction.changed(statement)

    def _values(self, event: Event) -> tuple[Any, ...]:
        return (
            event.id,
            event.project_id,
            event.workflow_id,
            event.trigger_id,
            event.dedupe_key,
            event.occurred_at,
            event.accepted_at,
            encode_json(event.envelope) if event.envelope else None,
            self._transaction.blobs.keep(optional_json(event.data), event.id),
            event.fate.value,
            event.reason or None,
            event.execution_id,
            event.first_event_id,
        )

    async def _without_present(self, new: Sequence[Event]) -> Sequence[Event]:
        """Leave out what is stored already, and repeats within ``new``; nobody else can write meanwhile on SQLite."""
        keys = [(event.trigger_id, clean_text(event.dedupe_key)) for event in new if event.dedupe_key is not None]
        rows = await self._transaction.fetch(
            _PRESENT_SQLITE, self._transaction.texts([event.id for event in new]), encode_json(keys)
        )
        ids = {row[0] for row in rows}
        taken = {(row[1], row[2]) for row in rows}
        fresh = []
        for event in new:
            key = (event.trigger_id, clean_text(event.dedupe_key))
            if event.id in ids or (event.dedupe_key is not None and key in taken):
                continue
            ids.add(event.id)
            taken.add(key)
            fresh.append(event)
        return fresh


def _filtered(statement: Select[Any], where: EventFilter) -> Select[Any]:
    if where.workflow_id is not None:
        statement = statement.where(events.c.workflow_id == where.workflow_id)
    if where.trigger_id is not None:
        statement = statement.where(events.c.trigger_id == where.trigger_id)
    if where.fate is not None:
        statement = statement.where(events.c.fate == where.fate.value)
    if where.since is not None:
        statement = statement.where(events.c.accepted_at >= where.since)
    if where.until is not None:
        statement = statement.where(events.c.accepted_at < where.until)
    return statement


def _dedupe_order(event: Event) -> tuple[str, str]:
    return event.trigger_id, event.dedupe_key or ""


def event_of(row: Row[Any], data: Json) -> Event:
    """Read a row of ``events`` whose data have been read already."""
    return Event(
        id=EventId(row.id),
        project_id=ProjectId(row.project_id),
        workflow_id=WorkflowId(row.workflow_id),
        trigger_id=TriggerId(row.trigger_id),
        dedupe_key=row.dedupe_key,
        occurred_at=row.occurred_at,
        accepted_at=row.accepted_at,
        envelope=row.envelope or {},
        data=data,
        fate=Fate(row.fate),
        reason=row.reason or "",
        execution_id=row.execution_id,
        first_event_id=row.first_event_id,
    )
