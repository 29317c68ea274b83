"""What every database must promise about units of work: all or nothing, whatever happens in the middle."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.session import SqlDatabase
from engine.errors import ConfigurationError, Unavailable
from engine.model.base import ConnectionId, ExecutorId, new_id
from engine.model.connection import Connection, Credentials
from engine.repositories import EventFilter, Page
from tests.contract.database_kits import LATER, PROJECT, Sample

pytestmark = pytest.mark.contract


async def stored(database: SqlDatabase) -> int:
    async with database.read() as work:
        return len(await work.events.list(PROJECT, EventFilter(), Page(limit=200)))


async def test_what_is_not_committed_leaves_no_trace(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    event = sample.event(dedupe_key="evt_1")
    async with databases[0].write() as work:
        await work.workflows.add(PROJECT, sample.workflow())
        await work.triggers.touch()
        await work.events.insert([event])
        await work.executions.insert([sample.execution(event)])
        await work.executions.claim([sample.execution(event).id], owner=ExecutorId("e"), now=LATER)
        await work.connections.put_secret(PROJECT, "a", b"b", now=LATER)
        await work.transaction.run(text("WITH one AS (SELECT 1 AS n) UPDATE stamps SET value = 99 WHERE id = 1"))

    for database in databases:
        async with database.read() as work:
            assert await work.triggers.stamp() == 1
            assert await work.workflows.find(PROJECT, sample.name) is None
            assert await work.events.find(PROJECT, event.id) is None
            assert await work.connections.secret_names(PROJECT) == {}
        assert sum((await _totals(database)).values()) == 0


async def test_an_error_in_the_middle_leaves_no_trace(database: SqlDatabase, sample: Sample) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - where it is raised is the point
        async with database.write() as work:
            await work.events.insert([sample.event()])
            raise ZeroDivisionError

    assert await stored(database) == 0


async def test_committed_work_is_seen_by_others_at_once(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    async with databases[0].write() as work:
        await work.events.insert([sample.event()])
        await work.commit()

        assert await stored(databases[1]) == 1


async def test_a_cancelled_unit_of_work_leaves_no_trace_and_no_lock(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    for delay in range(12):
        writing = asyncio.create_task(_write_slowly(databases[0], sample))
        for _ in range(delay):
            await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    async with asyncio.timeout(5):
        assert await stored(databases[1]) == 0
        await sample.start(databases[1], 3)
        await sample.start(databases[0], 3)
    assert await stored(databases[0]) == 6


async def test_a_cancellation_while_a_statement_runs_leaves_no_trace(database: SqlDatabase, sample: Sample) -> None:
    many = [sample.event(data="x" * 20_000) for _ in range(400)]
    started = asyncio.Event()

    async def write() -> None:
        async with database.write() as work:
            await work.events.insert([sample.event()])
            started.set()
            await work.events.insert(many)
            await work.commit()

    for delay in (0, 0.002, 0.01):
        started.clear()
        writing = asyncio.create_task(write())
        await started.wait()
        await asyncio.sleep(delay)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    assert await stored(database) == 0
    await sample.start(database)
    assert await stored(database) == 1


async def test_waiting_for_a_connection_can_be_cancelled(database: SqlDatabase, sample: Sample) -> None:
    async with asyncio.timeout(10):
        for _ in range(3):
            holders = [asyncio.create_task(_hold(database)) for _ in range(8)]
            await asyncio.sleep(0.02)
            for holder in holders:
                holder.cancel()
            await asyncio.wait(holders)

        await sample.start(database)
    assert await stored(database) == 1


async def test_many_writers_and_readers_at_once_all_get_their_turn(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(sample.start(databases[number % 2]))
            group.create_task(stored(databases[number % 2]))

    assert await stored(databases[0]) == 40


async def test_a_reader_sees_one_snapshot(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    await sample.start(databases[0])

    async with databases[0].read() as work:
        before = await work.events.list(PROJECT, EventFilter(), Page())
        await sample.start(databases[1])
        after = await work.events.list(PROJECT, EventFilter(), Page())

    assert before == after
    assert await stored(databases[0]) == 2


async def test_a_reader_does_not_wait_for_a_writer(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    await sample.start(databases[0])

    async with databases[0].write() as work:
        await work.events.insert([sample.event()])

        async with asyncio.timeout(2):
            assert await stored(databases[0]) == await stored(databases[1]) == 1


async def test_a_reader_may_not_write(database: SqlDatabase, sample: Sample) -> None:
    with pytest.raises((DBAPIError, Unavailable)):
        async with database.read() as work:
            await work.triggers.touch()

    async with database.read() as work:
        assert await work.triggers.stamp() == 1


async def test_after_a_failed_statement_nothing_is_committed(database: SqlDatabase, sample: Sample) -> None:
    async with database.write() as work:
        await work.events.insert([sample.event()])
        with pytest.raises(DBAPIError):
            await work.transaction.run(text("SELECT no_such_column FROM stamps"))
        with pytest.raises(Unavailable, match="failed before"):
            await work.commit()

    assert await stored(database) == 0


async def test_committing_twice_is_refused_and_keeps_the_first(database: SqlDatabase, sample: Sample) -> None:
    async with database.write() as work:
        await work.events.insert([sample.event()])
        await work.commit()
        with pytest.raises(ValueError, match="already"):
            await work.commit()

    assert await stored(database) == 1


async def test_the_check_passes_on_a_healthy_database(database: SqlDatabase) -> None:
    await database.check()


async def test_what_was_encrypted_with_another_key_is_not_opened(database: SqlDatabase) -> None:
    connection = _connection()
    async with database.write() as work:
        await work.connections.put(connection, Credentials({"token": "t"}))
        await work.transaction.run(text("UPDATE connections SET credentials = 'feedfeedfeed:x'"))
        await work.commit()

    async with database.read() as work:
        with pytest.raises(ConfigurationError, match='"feedfeedfeed"'):
            await work.connections.credentials(connection)


async def _write_slowly(database: SqlDatabase, sample: Sample) -> None:
    async with database.write() as work:
        events = [sample.event() for _ in range(5)]
        await work.events.insert(events)
        await work.executions.insert([sample.execution(event) for event in events])
        await work.executions.totals()
        await asyncio.Event().wait()


async def _hold(database: SqlDatabase) -> None:
    async with database.write() as work:
        await work.triggers.touch()
        await asyncio.Event().wait()


async def _totals(database: SqlDatabase) -> dict[str, int]:
    async with database.read() as work:
        return {status.value: count for status, count in (await work.executions.totals()).items()}


def _connection() -> Connection:
    return Connection(
        id=ConnectionId(new_id()), project_id=PROJECT, name="team", connector="slack", config={},
        created_at=LATER, updated_at=LATER,
    )  # fmt: skip
