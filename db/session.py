"""Opens the database and hands out units of work; notices lost connections and replaces them."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.blobs import LARGE, LargeTexts
from db.engines import PoolSizes, is_postgres, parse_url, reader_engine, writer_engine
from db.failures import DRIVER_ERRORS, is_away, translated
from db.keyring import verify_keys
from db.schema import require_current_schema
from db.transaction import Transaction, control
from db.unit_of_work import SqlUnitOfWork
from db.vault import Vault
from engine.errors import Unavailable
from engine.ports import Clock

_ROLLBACK_SECONDS = 5
_CHECK_SECONDS = 5


class SqlDatabase:
    """Units of work on SQLite or PostgreSQL. Implements ``engine.ports.Database``; made by ``open_database``."""

    def __init__(self, url: URL, *, vault: Vault, pools: PoolSizes, large_value_bytes: int = LARGE) -> None:
        self._postgres = is_postgres(url)
        self._writers = writer_engine(url, pools)
        self._readers = reader_engine(url, pools)
        self._attempts = max(pools.write, pools.read) + 1
        self._vault = vault
        self._known = LargeTexts(threshold=large_value_bytes)
        self._releases: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[SqlUnitOfWork]:
        """Open a transaction that may write; without ``commit`` it leaves no trace, cancelled or not."""
        async with self._transaction(self._writers, "BEGIN" if self._postgres else "BEGIN IMMEDIATE") as transaction:
            yield SqlUnitOfWork(transaction, self._vault)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlUnitOfWork]:
        """Open one that sees a single snapshot and refuses to write."""
        async with self._transaction(self._readers, "BEGIN") as transaction:
            yield SqlUnitOfWork(transaction, self._vault)

    async def check(self) -> None:
        """Raises Unavailable: no answer within 5 s, or a schema of another release; the message says what to do."""
        try:
            async with asyncio.timeout(_CHECK_SECONDS), self._transaction(self._readers, "BEGIN") as transaction:
                await require_current_schema(transaction)
        except TimeoutError as error:
            raise Unavailable(f"the database did not answer within {_CHECK_SECONDS} s") from error

    async def close(self) -> None:
        """Wait for transactions that are being rolled back, then close all connections."""
        while self._releases:
            await asyncio.wait(self._releases)
        await self._writers.dispose()
        await self._readers.dispose()

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine, begin: str) -> AsyncIterator[Transaction]:
        connection, driver = await self._begin(engine, begin)
        transaction = Transaction(connection, driver, postgres=self._postgres, known=self._known)
        try:
            yield transaction
        finally:
            await self._finish(self._release(connection, driver, rollback=transaction.open))

    async def _begin(self, engine: AsyncEngine, begin: str) -> tuple[AsyncConnection, Any]:
        """Take a connection on which BEGIN works; those that died while they idled are replaced on the way."""
        for _ in range(self._attempts):
            with translated():
                connection = await engine.connect()
            try:
                driver = (await connection.get_raw_connection()).driver_connection
                await control(driver, begin, postgres=self._postgres)
            except DRIVER_ERRORS as error:
                await self._finish(self._discard(connection))
                if self._postgres and is_away(error):
                    continue
                with translated():
                    raise
            except BaseException:
                await self._finish(self._discard(connection))
                raise
            return connection, driver
        raise Unavailable("the database closes every connection as soon as it is opened")

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` to its end even if the caller is cancelled meanwhile; ``close`` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)
        await asyncio.shield(task)

    async def _release(self, connection: AsyncConnection, driver: Any, *, rollback: bool) -> None:
        """Give the connection back with no transaction open; if that cannot be made sure, throw it away."""
        if rollback:
            try:
                async with asyncio.timeout(_ROLLBACK_SECONDS):
                    await control(driver, "ROLLBACK", postgres=self._postgres)
            except DRIVER_ERRORS:
                await self._discard(connection)
                return
        await connection.close()

    @staticmethod
    async def _discard(connection: AsyncConnection) -> None:
        await connection.invalidate()
        await connection.close()


@asynccontextmanager
async def open_database(
    url: str,
    *,
    vault: Vault,
    clock: Clock,
    pools: PoolSizes | None = None,
    large_value_bytes: int = LARGE,
) -> AsyncIterator[SqlDatabase]:
    """Open the database of a hub whose schema ``db.migrate.migrate`` has brought up to date.

    Args:
        url: Where it is.
        vault: The keys of what is stored encrypted.
        clock: The time.
        pools: How many connections.
        large_value_bytes: JSON values above this are kept out of their rows; 0 keeps all of them there.

    Raises:
        Unavailable: It does not answer, or its schema is not the one this release needs.
        ConfigurationError: The URL is wrong, or the vault's keys cannot read what is stored.
    """
    sizes = pools or PoolSizes()
    database = SqlDatabase(parse_url(url), vault=vault, pools=sizes, large_value_bytes=large_value_bytes)
    try:
        await database.check()
        async with database.write() as work:
            await verify_keys(work.transaction, vault, now=clock.now())
            await work.commit()
        yield database
    finally:
        await database.close()
