"""Finding and deleting large values that nothing uses any more; ``db.blobs`` writes and reads them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, exists, select

from db.blob_tables import blob_uses, blobs
from db.tables import events, executions
from db.transaction import Transaction
from db.types import one_of
from engine.repositories.blobs import Walked


class BlobRepository:
    """Large values in one transaction. Implements ``engine.repositories.Blobs``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def gone_owners(self, after: str | None, *, limit: int) -> Walked:
        """Walk over the owners of uses by id; find those that are neither an event nor an execution any more.

        A use is committed with its owner or after it, and an id never comes back: who is gone, stays gone.
        """
        page = select(blob_uses.c.owner_id).distinct().order_by(blob_uses.c.owner_id).limit(limit)
        if after is not None:
            page = page.where(blob_uses.c.owner_id > after)
        owner = page.subquery().c.owner_id
        stands = exists().where(events.c.id == owner) | exists().where(executions.c.id == owner)
        return await self._walk(owner, ~stands, limit)

    async def forget(self, owners: Sequence[str]) -> None:
        """Remove the uses of owners that are gone."""
        await self._transaction.run(delete(blob_uses).where(one_of(blob_uses.c.owner_id, owners)))

    async def unused(self, after: str | None, *, limit: int) -> Walked:
        """Walk over the contents by digest; find those without any use."""
        page = select(blobs.c.digest).order_by(blobs.c.digest).limit(limit)
        if after is not None:
            page = page.where(blobs.c.digest > after)
        digest = page.subquery().c.digest
        return await self._walk(digest, ~exists().where(blob_uses.c.digest == digest), limit)

    async def delete(self, digests: Sequence[str]) -> int:
        """Remove those that are still without any use; return how many.

        Two statements on purpose: the second sees every use that was committed before the first got its locks, and
        whoever wants to use one of them from then on waits for our commit and stores it anew.
        """
        chosen = select(blobs.c.digest).where(one_of(blobs.c.digest, digests))
        locked = await self._transaction.rows(chosen.order_by(blobs.c.digest).with_for_update(skip_locked=True))
        free = one_of(blobs.c.digest, [row.digest for row in locked])
        used = exists().where(blob_uses.c.digest == blobs.c.digest)
        return len(await self._transaction.rows(delete(blobs).where(free, ~used).returning(blobs.c.digest)))

    async def _walk(self, key: ColumnElement[str], condition: ColumnElement[bool], limit: int) -> Walked:
        rows = await self._transaction.rows(select(key.label("key"), condition.label("found")).order_by(key))
        return Walked(
            found=tuple(row.key for row in rows if row.found), next=rows[-1].key if len(rows) == limit else None
        )
