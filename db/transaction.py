"""One open transaction, as the repositories see it: Core statements for most, bulk statements for the hot path."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Executable, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Result
from sqlalchemy.ext.asyncio import AsyncConnection

from db.blobs import Blobs, LargeTexts
from db.bulk import Bulk, Columns, Rows
from db.failures import translated
from engine.errors import Unavailable


class Transaction:
    """A transaction on one connection. After any error of the driver it can only be rolled back."""

    def __init__(self, connection: AsyncConnection, driver: Any, *, postgres: bool, known: LargeTexts) -> None:
        self.connection = connection
        self.driver = driver
        self.postgres = postgres
        self.open = True
        self._bulk = Bulk(driver, postgres=postgres)
        self._failed = False
        self.blobs = Blobs(self, known)

    async def run(self, statement: Executable) -> Result[Any]:
        """Run a Core statement."""
        with self._watched():
            return await self.connection.execute(statement)

    async def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        return (await self.run(statement)).all()

    async def first(self, statement: Executable) -> Row[Any] | None:
        return (await self.run(statement)).first()

    async def scalar(self, statement: Executable) -> Any:
        """Return the first column of the first row, or ``None``."""
        row = await self.first(statement)
        return None if row is None else row[0]

    async def changed(self, statement: Executable) -> bool:
        """Run a statement without RETURNING and say whether it changed any row."""
        result = await self.run(statement)
        return isinstance(result, CursorResult) and result.rowcount > 0

    def insert(self, table: Table) -> Any:
        """Begin an INSERT that can say what to do on a conflict; both dialects spell it alike."""
        return postgresql.insert(table) if self.postgres else sqlite.insert(table)

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Sequence[Any]]:
        """Run one statement of the driver's own dialect and return its rows."""
        with self._watched():
            return await self._bulk.fetch(sql, *arguments)

    async def fetch_columns(self, sql: str, columns: Columns, rows: Rows) -> Sequence[Sequence[Any]]:
        """Run one PostgreSQL statement for all rows at once."""
        with self._watched():
            return await self._bulk.fetch_columns(sql, columns, rows)

    async def each(self, sql: str, columns: Columns, rows: Rows) -> None:
        """Run one SQLite statement for each row."""
        with self._watched():
            await self._bulk.each(sql, columns, rows)

    def texts(self, texts: Sequence[str]) -> Any:
        """The parameter for many ids or words in ``fetch``."""
        return self._bulk.texts(texts)

    async def commit(self) -> None:
        """Make it durable. Raises Unavailable: it may or may not have been; a repeat with the same ids tells."""
        if not self.open:
            raise ValueError("this unit of work was committed already")
        if self._failed:
            raise Unavailable("the transaction failed before and was rolled back")
        await self.blobs.flush()
        with self._watched():
            tag = await control(self.driver, "COMMIT", postgres=self.postgres)
        self.open = False
        if tag == "ROLLBACK":
            raise Unavailable("the database rolled the transaction back instead of committing it")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except BaseException:
            self._failed = True
            raise


async def control(driver: Any, sql: str, *, postgres: bool) -> str:
    """Run BEGIN, COMMIT or ROLLBACK; return PostgreSQL's command tag."""
    if postgres:
        return str(await driver.execute(sql))
    await driver.execute_fetchall(sql)
    return sql
