"""PostgreSQL is killed, stopped and cut off under load: what was committed is there, and the same object goes on."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text

from db.engines import PoolSizes
from db.migrate import migrate
from db.session import SqlDatabase, open_database
from db.vault import Vault
from engine.errors import Unavailable
from engine.model.base import EventId
from engine.repositories import EventFilter, Page
from tests.contract.database_kits import KEY, PROJECT, Sample
from tests.fakes import FakeClock
from tests.services import Services
from tests.services.probes import plain

pytestmark = [pytest.mark.integration, pytest.mark.chaos]

POOLS = PoolSizes(write=4, read=2, wait=timedelta(seconds=5))
PATIENCE_SECONDS = 60


@pytest.fixture
async def database(private_database_url: str) -> AsyncIterator[SqlDatabase]:
    await migrate(private_database_url)
    async with open_here(private_database_url) as opened:
        yield opened


def open_here(url: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - what open_database returns
    return open_database(url, vault=Vault([KEY]), clock=FakeClock(), pools=POOLS)


class Load:
    """Writers that store one event per unit of work, and remember which commits were answered."""

    def __init__(self, database: SqlDatabase) -> None:
        self.database = database
        self.sample = Sample()
        self.attempted: set[EventId] = set()
        self.committed: set[EventId] = set()
        self.refused = 0
        self.stopped = False

    async def write(self) -> None:
        while not self.stopped:
            event = self.sample.event()
            self.attempted.add(event.id)
            try:
                async with self.database.write() as work:
                    await work.events.insert([event])
                    await work.executions.insert([self.sample.execution(event)])
                    await work.commit()
            except Unavailable:
                self.refused += 1
                await asyncio.sleep(0.01)
            else:
                self.committed.add(event.id)

    async def until_more(self, count: int) -> None:
        """Wait for so many more commits."""
        goal = len(self.committed) + count
        while len(self.committed) < goal:
            await asyncio.sleep(0.01)

    async def stored(self) -> set[EventId]:
        ids: set[EventId] = set()
        after: str | None = None
        async with self.database.read() as work:
            while page := await work.events.list(PROJECT, EventFilter(), Page(limit=200, after=after)):
                ids |= {event.id for event in page}
                after = page[-1].id
        return ids


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
async def test_committed_work_survives_a_restart_and_the_database_comes_back(
    database: SqlDatabase, private_services: Services, kill: bool
) -> None:
    assert private_services.postgres is not None
    load = Load(database)

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(load.write())
        await load.until_more(50)
        for _ in range(2):
            await asyncio.to_thread(private_services.postgres.restart, kill=kill)
            await load.until_more(50)
        load.stopped = True

    stored = await load.stored()
    assert load.committed <= stored <= load.attempted
    assert len(stored - load.committed) <= 6 * 2
    async with database.read() as work:
        assert sum((await work.executions.totals()).values()) == len(stored)


async def test_while_the_server_is_away_every_call_says_so(database: SqlDatabase, private_services: Services) -> None:
    assert private_services.postgres is not None
    sample = Sample()
    async with database.write() as work:
        await work.events.insert([sample.event()])
        await asyncio.to_thread(private_services.postgres.stop, kill=True)
        try:
            with pytest.raises(Unavailable):
                await work.commit()
            for _ in range(POOLS.write + 1):
                with pytest.raises(Unavailable):
                    await _store(database, sample)
            with pytest.raises(Unavailable):
                await _count(database)
            with pytest.raises(Unavailable):
                await database.check()
        finally:
            await asyncio.to_thread(private_services.postgres.start)

    await database.check()
    await _store(database, sample)
    assert await _count(database) == 1


async def test_a_database_that_is_away_at_the_start_is_reported(
    private_database_url: str, private_services: Services
) -> None:
    assert private_services.postgres is not None
    await asyncio.to_thread(private_services.postgres.stop)
    try:
        with pytest.raises(Unavailable, match="database"):
            await migrate(private_database_url)
        with pytest.raises(Unavailable, match="database"):
            async with open_here(private_database_url):
                pass
    finally:
        await asyncio.to_thread(private_services.postgres.start)


async def test_idle_connections_that_were_cut_are_replaced_unnoticed(
    database: SqlDatabase, private_database_url: str
) -> None:
    sample = Sample()
    async with asyncio.TaskGroup() as group:
        for _ in range(POOLS.write * 3):
            group.create_task(_store(database, sample))
    before = await _count(database)

    assert await _cut_all(private_database_url) >= POOLS.write

    await _store(database, sample)
    assert await _count(database) == before + 1


async def test_a_connection_cut_in_the_middle_loses_its_work_and_says_so(
    database: SqlDatabase, private_database_url: str
) -> None:
    sample = Sample()

    with pytest.raises(Unavailable):  # noqa: PT012 - the cut must come in between
        async with database.write() as work:
            await work.events.insert([sample.event()])
            await _cut_all(private_database_url)
            await work.events.insert([sample.event()])

    assert await _count(database) == 0


async def test_no_statement_may_hang(database: SqlDatabase) -> None:
    async with database.write() as work:
        limit = await work.transaction.scalar(text("SHOW statement_timeout"))
        await work.transaction.run(text("SET LOCAL statement_timeout = '50ms'"))
        with pytest.raises(Unavailable, match="statement timeout"):
            await work.transaction.run(text("SELECT pg_sleep(60)"))

    assert limit == "30s"
    await _store(database, Sample())


async def _store(database: SqlDatabase, sample: Sample) -> None:
    async with database.write() as work:
        await work.events.insert([sample.event()])
        await work.commit()


async def _count(database: SqlDatabase) -> int:
    async with database.read() as work:
        return len(await work.events.list(PROJECT, EventFilter(), Page(limit=200)))


async def _cut_all(url: str) -> int:
    """End every other session of this database, as an administrator would."""
    connection = await asyncpg.connect(plain(url))
    ended: list[object] = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    await connection.close()
    return len(ended)
