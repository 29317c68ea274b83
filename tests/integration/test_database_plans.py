"""How PostgreSQL finds the rows of the hot path: by key, also when its figures about the tables are wrong.

Figures are always old under load. A plan that reads a whole table or the whole backlog for each claim works in every
test of behaviour, and stops a hub.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from db.migrate import migrate
from db.session import SqlDatabase
from db.unit_of_work import SqlUnitOfWork
from engine.admitter import passed
from engine.model.execution import Status
from engine.model.workflow import Lane
from tests.contract.database_kits import LATER, ME, Sample, claim, open_here, record, save, step
from tests.hall import open_hall
from tests.services.probes import plain

pytestmark = pytest.mark.integration

MANY = 3000
FEW = 10
POOL = 4  # connections of each kind, as the kits open them


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[SqlDatabase]:
    await migrate(database_url)
    async with open_here(database_url) as opened:
        yield opened


@pytest.fixture
async def connection(database_url: str, database: SqlDatabase) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(plain(database_url))
    yield opened
    await opened.close()


@pytest.fixture
def sample() -> Sample:
    return Sample()


async def fill(database: SqlDatabase, sample: Sample) -> None:
    for _ in range(MANY // 500):
        await sample.start(database, 500)


async def count_from_here(database: SqlDatabase, connection: asyncpg.Connection) -> None:
    """Forget what was read so far; what the pool's connections have not reported yet is reported first."""
    async with AsyncExitStack() as stack:
        for opened in [database.write, database.read]:
            for _ in range(POOL):
                work = await stack.enter_async_context(opened())
                await work.transaction.fetch("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute("SELECT pg_stat_reset()")


async def rows_read(connection: asyncpg.Connection) -> int:
    """How many entries of indexes and rows of tables were read since."""
    found: int = await connection.fetchval(
        "SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)"
    )
    return int(found)


async def commit_counted(work: SqlUnitOfWork) -> None:
    """Commit, and report what was read at once instead of in a second."""
    await work.transaction.fetch("SELECT pg_stat_force_next_flush()")
    await work.commit()


async def run_to_the_end(database: SqlDatabase, sample: Sample, count: int) -> None:
    """The hot path, three units of work."""
    ids = await sample.start(database, count)
    async with database.write() as work:
        claimed = await work.executions.claim(ids, owner=ME, now=LATER)
        await commit_counted(work)
    async with database.write() as work:
        await work.executions.record([record(each, Status.SUCCEEDED, steps=(step(),)) for each in claimed])
        await commit_counted(work)


@pytest.mark.parametrize("analyzed", [True, False], ids=["analyzed while empty", "never analyzed"])
async def test_what_ran_while_the_tables_were_empty_reads_no_more_when_they_are_full(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample, analyzed: bool
) -> None:
    if analyzed:
        await connection.execute("VACUUM ANALYZE")
    for _ in range(12):
        await run_to_the_end(database, sample, 1)
    await fill(database, sample)
    await count_from_here(database, connection)

    await run_to_the_end(database, sample, FEW)

    assert 0 < await rows_read(connection) < 20 * FEW


async def test_a_claim_does_not_read_the_backlog(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample
) -> None:
    await claim(database, await sample.start(database, 500))
    await connection.execute("VACUUM ANALYZE")  # from now on the figures say that nothing is queued
    await fill(database, sample)
    await count_from_here(database, connection)

    await run_to_the_end(database, sample, FEW)

    assert 0 < await rows_read(connection) < 20 * FEW


async def test_housekeeping_reads_only_the_rows_it_is_about(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample
) -> None:
    await fill(database, sample)
    await connection.execute("UPDATE executions SET status = 'succeeded', finished_at = now()")
    await connection.execute("VACUUM ANALYZE")
    waiting, *_ = await claim(database, await sample.start(database, 3))
    await save(database, [record(waiting, Status.WAITING, due_at=LATER)])
    await sample.start(database)
    await count_from_here(database, connection)

    async with database.write() as work:
        assert len(await work.executions.wake(LATER, limit=100)) == 1
        assert len(await work.executions.requeue([ME], now=LATER, limit=1)) == 1
        assert len(await work.executions.unheard(Lane.NORMAL, queued_before=LATER, limit=10)) == 1
        assert await work.executions.overtaken(Lane.NORMAL, by=3600, limit=10) == []
        assert await work.executions.orphans(limit=10) == [ME]
        assert await work.executions.next_due() is None
        assert await work.executions.overdue(before=LATER, limit=10, lock=True) == []
        assert await work.executions.pausing(limit=10) == []
        await commit_counted(work)

    assert 0 < await rows_read(connection) < 100


async def test_gates_are_passed_without_reading_the_backlog(
    database: SqlDatabase, connection: asyncpg.Connection
) -> None:
    async with open_hall(database, "concurrency: {limit: 1}") as hall:
        await connection.execute("VACUUM ANALYZE")  # from now on the figures say that nothing waits
        for _ in range(MANY // 500):
            await hall.send_all(list(range(500)))
        [running] = await hall.ready()
        await hall.finish(running)
        await count_from_here(database, connection)

        async with database.write() as work:
            [gate] = await work.admissions.gates(after="", limit=10)
            await work.admissions.lock([gate])
            standing = (await work.admissions.look({gate: hall.clock.now()}))[gate]
            assert standing.head is not None
            assert standing.held == 0
            [first] = await work.admissions.waiting(gate, limit=1)
            await work.admissions.admit({first.id: passed(gate.stage, first, LATER)}, now=LATER)
            assert await work.admissions.holders(gate, limit=5) == [first.id]
            assert await work.admissions.due(now=LATER, limit=5) == []
            assert await work.admissions.next_closing() is None
            await commit_counted(work)

        assert 0 < await rows_read(connection) < 200
