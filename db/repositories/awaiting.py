"""Events that steps may wait for: kept with the event, taken once by the matcher."""

from collections.abc import Sequence

from sqlalchemy import delete, select, update

from db.resume_tables import awaited_events
from db.tables import triggers
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import EventId, TriggerId


class Awaiting:
    """The part of ``EventRepository`` for waits."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def begin_awaiting(self, trigger_id: TriggerId) -> bool:
        """Keep a trigger's events for steps that wait for them, from now on; false if that is so already."""
        fresh = (triggers.c.id == trigger_id, triggers.c.awaited.is_(None))
        return await self._transaction.changed(update(triggers).where(*fresh).values(awaited=True))

    async def keep_awaited(self, ids: Sequence[EventId]) -> None:
        """Keep events, stored in this transaction, for steps that may wait for them."""
        if ids:
            rows = [{"event_id": each} for each in ids]
            await self._transaction.run(self._transaction.insert(awaited_events).values(rows))

    async def awaited(self, *, limit: int) -> Sequence[EventId]:
        """Those that are kept, oldest first."""
        statement = select(awaited_events.c.event_id).order_by(awaited_events.c.event_id).limit(limit)
        return [EventId(row.event_id) for row in await self._transaction.rows(statement)]

    async def _take(self, event_id: EventId) -> bool:
        return await self._transaction.changed(
            delete(awaited_events).where(one_of(awaited_events.c.event_id, [event_id]))
        )
