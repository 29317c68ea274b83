"""The connection pools of each database, and every setting that its connections need.

Both databases are driven in autocommit mode with explicit BEGIN and COMMIT: the SQLite driver would otherwise open a
transaction only before some statements (and commit a ``WITH … UPDATE`` at once), and raw and Core statements share
one transaction only if neither opens its own.
"""

import asyncio
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy import event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from engine.errors import ConfigurationError

STATEMENT_LIMIT = timedelta(seconds=30)
"""No statement may take longer; the server ends it, and 5 s later we stop waiting for the server."""

CONNECT_LIMIT = timedelta(seconds=10)

# Hot statements find their rows by key, whatever the figures about the tables say: those are old under load. A plan
# kept from a time when the tables were empty would read all of them, so each statement is planned anew (0.1 ms).
_WRITER_PLANS = {
    "plan_cache_mode": "force_custom_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
# One snapshot for all statements of a reading unit of work, so that its figures agree with each other.
_READER_RULES = {
    "plan_cache_mode": "force_custom_plan",
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}

_SQLITE_PRAGMAS = (
    "busy_timeout = 10000",
    "synchronous = FULL",
    "foreign_keys = ON",
    "cache_size = -8192",
    "temp_store = MEMORY",
)

_WAL_ATTEMPTS = 100
_WAL_PAUSE_SECONDS = 0.05

# Connections whose askers were cancelled; an event loop keeps no task alive by itself.
_abandoned: set[asyncio.Task[Any]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSizes:
    """Connections per process; SQLite has one writer, whatever ``write`` says. ``wait``: how long to queue for one."""

    write: int = 5
    read: int = 5
    wait: timedelta = timedelta(seconds=30)


def parse_url(text: str) -> URL:
    """Read ``sqlite:///file``, ``postgresql://…`` and their usual spellings.

    Raises:
        ConfigurationError: It names no database we know, or no file.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "the database URL cannot be read; write sqlite:///path/to/file or postgresql://user:password@host/name"
        ) from error
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        mode = url.query.get("sslmode")
        url = url.difference_update_query(["sslmode"]).set(drivername="postgresql+asyncpg")
        return url.update_query_dict({"ssl": mode}) if mode else url
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+aiosqlite")
    raise ConfigurationError(
        f'the database URL "{url.render_as_string()}" names no database file or server that this release supports; '
        "write sqlite:///path/to/file or postgresql://user:password@host/name"
    )


def writer_engine(url: URL, sizes: PoolSizes) -> AsyncEngine:
    """Make the pool for units of work that write."""
    if is_postgres(url):
        return _postgres(url, _WRITER_PLANS, size=sizes.write, wait=sizes.wait)
    return _sqlite(url, size=1, wait=sizes.wait, read_only=False)


def reader_engine(url: URL, sizes: PoolSizes) -> AsyncEngine:
    """Make the pool for units of work that only read; they never wait for writers."""
    if is_postgres(url):
        return _postgres(url, _READER_RULES, size=sizes.read, wait=sizes.wait)
    return _sqlite(url, size=sizes.read, wait=sizes.wait, read_only=True)


def migration_engine(url: URL) -> AsyncEngine:
    """Make a single connection without time limits: a migration, or the wait for another's, takes what it takes."""
    if is_postgres(url):
        return _postgres(url, {"statement_timeout": "0"}, size=1, wait=CONNECT_LIMIT, limit=None)
    return _sqlite(url, size=1, wait=CONNECT_LIMIT, read_only=False)


def is_postgres(url: URL) -> bool:
    return url.get_backend_name() == "postgresql"


def _postgres(
    url: URL, settings: dict[str, str], *, size: int, wait: timedelta, limit: timedelta | None = STATEMENT_LIMIT
) -> AsyncEngine:
    millis = int(STATEMENT_LIMIT.total_seconds() * 1000)
    shared = {
        "application_name": "patchbay",
        "jit": "off",
        "statement_timeout": str(millis),
        "idle_in_transaction_session_timeout": str(2 * millis),
    }
    return create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait.total_seconds(),
        pool_reset_on_return=None,
        connect_args={
            "async_creator_fn": _connect,
            "timeout": CONNECT_LIMIT.total_seconds(),
            "command_timeout": None if limit is None else limit.total_seconds() + 5,
            "server_settings": shared | settings,
        },
    )


async def _connect(*arguments: Any, **settings: Any) -> Any:
    """Connect to the end even if the caller is cancelled meanwhile, and close what nobody wants any more.

    asyncpg leaves a future with an error that nobody fetches when it is cancelled while it negotiates TLS.
    """
    connecting = asyncio.get_running_loop().create_task(asyncpg.connect(*arguments, **settings))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        _abandoned.add(connecting)
        connecting.add_done_callback(_close_abandoned)
        raise


def _close_abandoned(connecting: asyncio.Task[Any]) -> None:
    _abandoned.discard(connecting)
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().terminate()


def _sqlite(url: URL, *, size: int, wait: timedelta, read_only: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=size,
        max_overflow=0,
        pool_timeout=wait.total_seconds(),
        pool_reset_on_return=None,
    )
    pragmas = (*_SQLITE_PRAGMAS, "query_only = ON") if read_only else _SQLITE_PRAGMAS

    def prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        _use_write_ahead_log(cursor)
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine.sync_engine, "connect", prepare)
    return engine


def _use_write_ahead_log(cursor: Any) -> None:
    """Switch the file to WAL if it is not there yet.

    SQLite does not wait for its busy timeout here: of several processes that open a new file at once, all but one may
    be told at once that it is locked (https://sqlite.org/wal.html, "Activating And Configuring WAL Mode").
    """
    for attempt in range(_WAL_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if attempt + 1 == _WAL_ATTEMPTS:
                raise
            await_only(asyncio.sleep(_WAL_PAUSE_SECONDS))
        else:
            return
