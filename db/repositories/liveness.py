"""Who is alive, who leads, and what the executors share about breakers."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, or_, select, update

from db.liveness_tables import breakers, executors, leases
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import ExecutorId, JsonObject


class LivenessRepository:
    """Heartbeats, leases and breakers in one transaction. Implements ``engine.repositories.Liveness``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def beat(self, executor: ExecutorId, *, now: datetime, details: JsonObject) -> None:
        change = {"seen_at": now, "details": details}
        await self._transaction.run(
            self._transaction.insert(executors)
            .values(id=executor, **change)
            .on_conflict_do_update(index_elements=[executors.c.id], set_=change)
        )

    async def remove(self, gone: Sequence[ExecutorId]) -> None:
        if gone:
            await self._transaction.run(delete(executors).where(one_of(executors.c.id, gone)))

    async def executors(self) -> Mapping[ExecutorId, datetime]:
        rows = await self._transaction.rows(select(executors.c.id, executors.c.seen_at).order_by(executors.c.id))
        return {ExecutorId(row.id): row.seen_at for row in rows}

    async def details(self, executor: ExecutorId) -> JsonObject:
        """Return what an executor said of itself with its last heartbeat; empty if there is none."""
        found: JsonObject | None = await self._transaction.scalar(
            select(executors.c.details).where(executors.c.id == executor)
        )
        return found or {}

    async def lease(self, name: str, *, holder: str, now: datetime, until: datetime) -> bool:
        """Take or renew a lease; false while another holds it unexpired. Two callers at once: one gets it."""
        change = {"holder": holder, "until": until}
        statement = (
            self._transaction.insert(leases)
            .values(name=name, **change)
            .on_conflict_do_update(
                index_elements=[leases.c.name],
                set_=change,
                where=or_(leases.c.holder == holder, leases.c.until <= now),
            )
            .returning(leases.c.name)
        )
        return await self._transaction.first(statement) is not None

    async def release(self, name: str, *, holder: str) -> None:
        await self._transaction.run(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

    async def breaker(self, key: str) -> JsonObject | None:
        state: JsonObject | None = await self._transaction.scalar(select(breakers.c.state).where(breakers.c.key == key))
        return state

    async def put_breaker(self, key: str, state: JsonObject, *, seen: JsonObject | None) -> bool:
        """Write if the stored state is still ``seen`` (``None``: there is none); false if not."""
        if seen is None:
            statement = (
                self._transaction.insert(breakers)
                .values(key=key, state=state)
                .on_conflict_do_nothing()
                .returning(breakers.c.key)
            )
            return await self._transaction.first(statement) is not None
        return await self._transaction.changed(
            update(breakers).where(breakers.c.key == key, breakers.c.state == seen).values(state=state)
        )
