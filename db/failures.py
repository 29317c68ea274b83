"""Which of the many errors of two drivers mean that the database is away, and how they become our ``Unavailable``."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from engine.errors import Conflict, PatchbayError, Unavailable

# PostgreSQL error classes and codes (appendix A of its manual) after which the same call may succeed later:
# connection trouble, resources, shutdown, locks, deadlocks, a cancelled statement, a standby that took over.
_AWAY_CLASSES = ("08", "53", "57P", "40", "58")
_AWAY_CODES = frozenset({"55P03", "57014", "25006", "25P02", "25P03", "25P04"})

# SQLite's primary result codes of the same kind (https://www.sqlite.org/rescode.html).
_AWAY_SQLITE = ("BUSY", "LOCKED", "IOERR", "FULL", "CANTOPEN", "READONLY", "PROTOCOL", "NOMEM", "INTERRUPT")


def is_away(error: BaseException | None) -> bool:
    """Say whether the error, or what it wraps, means that the database could not be reached or could not serve."""
    seen = 0
    while error is not None and seen < 5:
        if _tells_away(error):
            return True
        error = (error.orig if isinstance(error, DBAPIError) else None) or error.__cause__
        seen += 1
    return False


DRIVER_ERRORS = (
    SQLAlchemyError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    ValueError,
)
"""What the drivers raise. ``OSError`` includes time limits; ``ValueError`` is aiosqlite's for a closed connection."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors that mean "away" into ``Unavailable`` and a broken uniqueness into ``Conflict``; others pass."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"the stored objects do not allow this: {_first_line(error)}") from error
    except DRIVER_ERRORS as error:
        if type(error) is StatementError and isinstance(error.orig, PatchbayError | ValueError):
            raise error.orig from None  # a value that our own column types refused
        if is_away(error):
            raise Unavailable(f"the database is not available: {_first_line(error)}") from error
        raise


def _tells_away(error: BaseException) -> bool:
    if isinstance(error, PoolTimeout | OSError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return True
    if isinstance(error, asyncpg.PostgresError):
        code = error.sqlstate or ""
        return code.startswith(_AWAY_CLASSES) or code in _AWAY_CODES
    if isinstance(error, asyncpg.InternalClientError):
        return True
    if isinstance(error, asyncpg.InterfaceError) and not isinstance(error, asyncpg.DataError | ValueError):
        return "closed" in str(error) or "released" in str(error) or "in progress" in str(error)
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "") or ""
        return name.removeprefix("SQLITE_").startswith(_AWAY_SQLITE) or "closed" in str(error)
    return isinstance(error, ValueError) and str(error) in ("Connection closed", "no active connection")


def _first_line(error: BaseException) -> str:
    """The driver's own words, without the statement and its parameters, which may hold what people sent."""
    inner = (error.orig if isinstance(error, DBAPIError) else None) or error
    while inner.__cause__ is not None and isinstance(inner.__cause__, asyncpg.PostgresError | OSError):
        inner = inner.__cause__
    text = str(inner).strip() or type(inner).__name__
    return text.splitlines()[0]
