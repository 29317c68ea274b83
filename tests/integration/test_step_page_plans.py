"""How PostgreSQL finds a part of a long history: by the index of the primary key, without reading the rest."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from db.migrate import migrate
from db.session import SqlDatabase
from engine.model.base import ExecutionId
from engine.model.execution import Status
from engine.repositories import StepFilter
from tests.contract.database_kits import Sample, claim, open_here, record, save, step
from tests.integration.test_database_plans import count_from_here, rows_read
from tests.services.probes import plain

pytestmark = pytest.mark.integration

MANY = 6000


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


async def long_loop(database: SqlDatabase, sample: Sample) -> ExecutionId:
    [claimed] = await claim(database, await sample.start(database))
    for base in range(0, MANY, 2000):
        steps = tuple(step(f"orders[{number}].charge", seq=number + 1) for number in range(base, base + 2000))
        await save(database, [record(claimed, Status.RUNNING, steps=steps)])
    return claimed.id


@pytest.mark.parametrize(
    ("where", "limit", "expected"),
    [
        (StepFilter(within="orders[4711]"), 50, 1),
        (StepFilter(path="orders[4711].charge"), 50, 1),
        (StepFilter(within="orders"), 50, 50),
        (StepFilter(after=("orders[3000].charge", 1)), 50, 50),
        (StepFilter(within="orders", after=("orders[3000].charge", 1)), 50, 50),
    ],
    ids=["iteration", "step", "first page", "page", "page within"],
)
@pytest.mark.parametrize("analyzed", [True, False], ids=["analyzed", "never analyzed"])
async def test_a_part_is_read_without_the_rest(
    database: SqlDatabase,
    connection: asyncpg.Connection,
    sample: Sample,
    *,
    where: StepFilter,
    limit: int,
    expected: int,
    analyzed: bool,
) -> None:
    id = await long_loop(database, sample)
    if analyzed:
        await connection.execute("VACUUM ANALYZE")
    await count_from_here(database, connection)

    async with database.write() as work:
        found = await work.executions.some_steps(id, where, limit=limit, budget=0)
        await work.transaction.fetch("SELECT pg_stat_force_next_flush()")
        await work.commit()

    assert len(found) == expected
    assert await rows_read(connection) < 10 * expected + 20
