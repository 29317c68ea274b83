"""Two schedulers on one PostgreSQL, where, unlike on SQLite, both are really in the middle of it at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from db.migrate import migrate
from db.session import SqlDatabase, open_database
from db.vault import Vault, generate_key
from engine.model.event import Fate
from tests.fakes import FakeClock
from tests.schedulers import Scheduler
from tests.stored import store

pytestmark = pytest.mark.integration

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def database(database_url: str, clock: FakeClock) -> AsyncIterator[SqlDatabase]:
    await migrate(database_url)
    async with open_database(database_url, vault=Vault([generate_key()]), clock=clock) as database:
        yield database


async def test_schedulers_that_fire_together_make_one_event_per_nominal_time(
    database: SqlDatabase, clock: FakeClock
) -> None:
    document = {
        "name": "scheduled",
        "triggers": {"tick": {"type": "schedule", "every": "1m"}},
        "nodes": {"done": {"type": "stop"}},
    }
    workflows = [await store(database, clock, document) for _ in range(20)]
    start = clock.now()
    schedulers = [Scheduler(database, clock) for _ in range(3)]
    await asyncio.gather(*(scheduler.settle() for scheduler in schedulers))

    for _ in range(5):
        clock.advance(MINUTE)
        await asyncio.gather(*(scheduler.settle() for scheduler in schedulers))

    for stored in workflows:
        events = await stored.events()
        assert [event.occurred_at for event in events] == [start + n * MINUTE for n in range(1, 6)]
        assert {event.fate for event in events} == {Fate.STARTED}
    announced = [told for scheduler in schedulers for _, told in scheduler.announcements.told]
    assert len(announced) == len(set(announced)) == 100
