"""Dead letters: executions that wait for a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text, update

from db.bulk import Columns, Kind
from db.repositories.paging import paged
from db.tables import dead_letters
from db.transaction import Transaction
from engine.model.base import ExecutionId, ProjectId, is_id
from engine.model.execution import DeadLetter
from engine.repositories import Page

_COLUMNS = Columns.of(
    id=Kind.ID,
    project_id=Kind.ID,
    workflow_id=Kind.ID,
    execution_id=Kind.ID,
    step=Kind.TEXT,
    code=Kind.TEXT,
    message=Kind.TEXT,
    fingerprint=Kind.TEXT,
    created_at=Kind.TIME,
    state=Kind.WORD,
    resolved_at=Kind.TIME,
    resolved_by=Kind.TEXT,
    notify=Kind.TEXT,
    notice=Kind.TEXT,
)
_INSERT_POSTGRES = _COLUMNS.insert_arrays("dead_letters")
_INSERT_SQLITE = _COLUMNS.insert_row("dead_letters")
_UNTOLD = text("dead_letters.notify IS NOT NULL")


async def write_letters(transaction: Transaction, letters: Sequence[DeadLetter]) -> None:
    """Store dead letters, with one statement for all."""
    if not letters:
        return
    rows = [_values(letter) for letter in letters]
    if transaction.postgres:
        await transaction.fetch_columns(_INSERT_POSTGRES, _COLUMNS, rows)
    else:
        await transaction.each(_INSERT_SQLITE, _COLUMNS, rows)


class DeadLetterRepository:
    """Dead letters in one transaction. Implements ``engine.repositories.DeadLetters``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, letters: Sequence[DeadLetter]) -> None:
        await write_letters(self._transaction, letters)

    async def list(
        self, project: ProjectId, page: Page, *, state: str | None = None, fingerprint: str | None = None
    ) -> Sequence[DeadLetter]:
        statement = select(dead_letters).where(dead_letters.c.project_id == project)
        if state is not None:
            statement = statement.where(dead_letters.c.state == state)
        if fingerprint is not None:
            statement = statement.where(dead_letters.c.fingerprint == fingerprint)
        return [_letter(row) for row in await self._transaction.rows(paged(statement, dead_letters.c.id, page))]

    async def find(self, project: ProjectId, letter_id: str) -> DeadLetter | None:
        if not is_id(letter_id):
            return None
        row = await self._transaction.first(
            select(dead_letters).where(dead_letters.c.id == letter_id, dead_letters.c.project_id == project)
        )
        return None if row is None else _letter(row)

    async def untold(self, *, limit: int) -> Sequence[DeadLetter]:
        """Those that somebody is still to be told of, oldest first."""
        statement = select(dead_letters).where(_UNTOLD).order_by(dead_letters.c.id).limit(limit)
        return [_letter(row) for row in await self._transaction.rows(statement)]

    async def take(self, letter_id: str) -> bool:
        """Count one as told; of two callers at once only one gets true."""
        return await self._transaction.changed(
            update(dead_letters).where(dead_letters.c.id == letter_id, _UNTOLD).values(notify=None)
        )

    async def note(self, letter_id: str, notice: str | None) -> None:
        """Write down what became of telling."""
        await self._transaction.run(update(dead_letters).where(dead_letters.c.id == letter_id).values(notice=notice))

    async def resolve(self, letter_id: str, *, state: str, by: str, now: datetime) -> bool:
        """Close an open one as ``replayed`` or ``discarded``; of two callers at once only one gets true."""
        return await self._transaction.changed(
            update(dead_letters)
            .where(dead_letters.c.id == letter_id, dead_letters.c.state == "open")
            .values(state=state, resolved_by=by, resolved_at=now)
        )

    async def resolve_of(self, execution_id: ExecutionId, *, state: str, by: str, now: datetime) -> bool:
        """Close the open one of an execution; false if it has none."""
        return await self._transaction.changed(
            update(dead_letters)
            .where(dead_letters.c.execution_id == execution_id, dead_letters.c.state == "open")
            .values(state=state, resolved_by=by, resolved_at=now)
        )


def _values(letter: DeadLetter) -> tuple[Any, ...]:
    return tuple(getattr(letter, name) for name in _COLUMNS.names)


def _letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(**row._mapping)
