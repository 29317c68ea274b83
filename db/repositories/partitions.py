"""Making partitions ahead of time and removing emptied ones. Nothing waits long for either.

Both lock the whole table for an instant. While they wait for that lock everybody else waits behind them, so they give
up soon and the next attempt is made later: there are months of time.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from db.partitions import KEYS, Month, Partition
from db.transaction import Transaction

_PATIENCE = "SET LOCAL lock_timeout = '200ms'"
_EXISTING = """
    SELECT child.relname FROM pg_inherits AS i
    JOIN pg_class AS parent ON parent.oid = i.inhparent JOIN pg_class AS child ON child.oid = i.inhrelid
    WHERE parent.relname = ANY ($1::varchar[]) AND parent.relnamespace = current_schema()::regnamespace
    ORDER BY child.relname
"""


class PartitionRepository:
    """Partitions in one transaction. Implements ``engine.repositories.Partitions``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def missing(self, now: datetime, *, ahead: int) -> Sequence[str]:
        """Those of this month and of ``ahead`` months after it that neither exist nor lie in an older, larger one."""
        existing = await self._existing()
        months = [Month.of(now)]
        for _ in range(ahead):
            months.append(months[-1].next)
        wanted = [Partition.of(table, month) for month in months for table in KEYS]
        names = {partition.name for partition in existing}
        whole = {partition.table: partition.end for partition in existing if partition.since_ever}
        return [
            partition.name
            for partition in wanted
            if existing and partition.name not in names and partition.end > whole.get(partition.table, Month(1, 1))
        ]

    async def make(self, name: str) -> bool:
        """Make one; false if the default partition has rows of that month: they stay there, and so do later ones."""
        partition = _ours(name)
        await self._lock(partition.table)
        if partition in await self._existing():
            return True
        low, high = partition.end.before.first_id, partition.end.first_id
        key = KEYS[partition.table]
        strays = await self._transaction.fetch(
            f"SELECT 1 FROM {partition.table}_default WHERE {key} >= $1 AND {key} < $2 LIMIT 1",  # noqa: S608 - our own
            *(low, high),
        )
        if strays:
            return False
        await self._transaction.run(text(partition.create()))
        return True

    async def emptied(self, before: datetime) -> Sequence[str]:
        """Those that ended before a time and hold no row."""
        over = [partition for partition in await self._existing() if partition.end.start < before]
        return [partition.name for partition in over if not await self._holds_rows(partition)]

    async def drop(self, name: str) -> bool:
        """Remove one that is empty; false if it is not, or gone. A later row of that time goes to the default one."""
        partition = _ours(name)
        await self._lock(partition.table)
        if partition not in await self._existing() or await self._holds_rows(partition):
            return False
        await self._transaction.run(text(f"DROP TABLE {partition.name}"))
        return True

    async def _lock(self, table: str) -> None:
        """Keep everybody else out, the table itself before its parts, as they do."""
        await self._transaction.run(text(_PATIENCE))
        await self._transaction.run(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))

    async def _existing(self) -> list[Partition]:
        if not self._transaction.postgres:
            return []
        rows = await self._transaction.fetch(_EXISTING, list(KEYS))
        return [partition for row in rows if (partition := Partition.parse(row[0])) is not None]

    async def _holds_rows(self, partition: Partition) -> bool:
        return bool(await self._transaction.fetch(f"SELECT 1 FROM {partition.name} LIMIT 1"))  # noqa: S608 - our own


def _ours(name: str) -> Partition:
    """Raises ValueError: it is not the name of a partition, and must not get into a statement."""
    partition = Partition.parse(name)
    if partition is None:
        raise ValueError(f'"{name}" is not the name of a partition')
    return partition
