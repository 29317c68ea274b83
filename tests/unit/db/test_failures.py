"""Which errors of the drivers mean that the database is away."""

import sqlite3

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.failures import is_away, translated
from engine.errors import Conflict, Unavailable


def sqlite_error(name: str, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorname = name
    return error


AWAY = [
    ConnectionRefusedError(111, "refused"),
    TimeoutError(),
    PoolTimeout("QueuePool limit reached"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.CrashShutdownError("crash"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.SerializationError("could not serialize access"),
    asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    asyncpg.DiskFullError("no space left"),
    asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
    asyncpg.InterfaceError("connection is closed"),
    sqlite_error("SQLITE_BUSY", "database is locked"),
    sqlite_error("SQLITE_BUSY_SNAPSHOT", "database is locked"),
    sqlite_error("SQLITE_IOERR_WRITE", "disk I/O error"),
    sqlite_error("SQLITE_FULL", "database or disk is full"),
    sqlite_error("SQLITE_CANTOPEN", "unable to open database file"),
    ValueError("Connection closed"),
    DBAPIError("SELECT 1", {}, Exception("gone"), connection_invalidated=True),
    OperationalError("SELECT 1", {}, sqlite_error("SQLITE_BUSY", "database is locked")),
]

OURS = [
    asyncpg.UndefinedTableError('relation "x" does not exist'),
    asyncpg.DataError('invalid input for query argument $1: "closed"'),
    asyncpg.UniqueViolationError("duplicate key"),
    sqlite_error("SQLITE_ERROR", "no such table: x"),
    ValueError("a time in the column has no zone"),
]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: f"{type(error).__name__}: {error}"[:50])
def test_what_may_work_later_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable, match=r"the database is not available: .") as raised, translated():
        raise error

    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
def test_what_never_works_is_not_hidden(error: Exception) -> None:
    with pytest.raises(type(error)), translated():
        raise error

    assert not is_away(error)


def test_a_cause_within_tells() -> None:
    outer = RuntimeError("wrapped")
    outer.__cause__ = ConnectionResetError()

    assert is_away(outer)
    assert not is_away(None)


def test_a_broken_uniqueness_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="UNIQUE constraint failed"), translated():
        raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed: api_keys.digest"))


def test_messages_do_not_repeat_what_people_sent() -> None:
    inner = sqlite_error("SQLITE_BUSY", "database is locked")

    with pytest.raises(Unavailable) as raised, translated():
        raise OperationalError("INSERT INTO x VALUES (?)", {"token": "s3cret"}, inner)

    assert str(raised.value) == "the database is not available: database is locked"
