"""Results that steps left for others: written with the steps, found by digest, deleted when they have expired."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import delete, select

from db.bulk import Columns, Kind
from db.encoding import optional_json
from db.result_tables import results
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import Json
from engine.model.result import Result

_COLUMNS = Columns.of(
    digest=Kind.WORD,
    project_id=Kind.ID,
    workflow_id=Kind.ID,
    node=Kind.WORD,
    output=Kind.WORD,
    stored_at=Kind.TIME,
    expires_at=Kind.TIME,
)
_REPLACE = (
    " ON CONFLICT (digest) DO UPDATE SET output = excluded.output, stored_at = excluded.stored_at, "
    "expires_at = excluded.expires_at"
)
_WRITE_POSTGRES = _COLUMNS.insert_arrays("results") + _REPLACE
_WRITE_SQLITE = _COLUMNS.insert_row("results") + _REPLACE


class ResultRepository:
    """Kept results in one transaction. Implements ``engine.repositories.Results``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def find(self, digests: Collection[str], *, now: datetime) -> Mapping[str, Json]:
        """The outputs that are kept under these digests and have not expired."""
        statement = select(results.c.digest, results.c.output).where(
            one_of(results.c.digest, list(digests)), results.c.expires_at > now
        )
        return {row.digest: row.output for row in await self._transaction.rows(statement)}

    async def has_expired(self, *, now: datetime) -> bool:
        """Whether there is anything to delete."""
        expired = select(results.c.digest).where(results.c.expires_at <= now).limit(1)
        return await self._transaction.first(expired) is not None

    async def delete_expired(self, *, now: datetime, limit: int) -> int:
        """Remove expired ones, oldest first; return how many. What another transaction holds is left for later."""
        expired = (
            select(results.c.digest)
            .where(results.c.expires_at <= now)
            .order_by(results.c.expires_at, results.c.digest)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        digests = [row.digest for row in await self._transaction.rows(expired)]
        if digests:
            await self._transaction.run(delete(results).where(one_of(results.c.digest, digests)))
        return len(digests)


async def write_results(transaction: Transaction, found: Iterable[Result]) -> None:
    """Keep results, each in place of the one before it. All writers take the digests in the same order."""
    last = {result.key.digest: result for result in found}
    rows = [
        (
            digest,
            result.key.project_id,
            result.key.workflow_id,
            result.key.node,
            optional_json(result.output),
            result.stored_at,
            result.expires_at,
        )
        for digest, result in sorted(last.items())
    ]
    if not rows:
        return
    if transaction.postgres:
        await transaction.fetch_columns(_WRITE_POSTGRES, _COLUMNS, rows)
    else:
        await transaction.each(_WRITE_SQLITE, _COLUMNS, rows)
