"""The sweeper goes round in pages, writes only where something is to be deleted, and goes on after a failure."""

from datetime import timedelta

import pytest

from engine.errors import Unavailable
from engine.model.base import DEFAULT_PROJECT, EventId, new_id
from engine.model.event import Event, Fate
from engine.service import AT_ONCE
from engine.sweeper import BETWEEN_ROUNDS, BlobSweeper
from tests.fakes import SwitchedDatabase
from tests.stored import Stored


@pytest.fixture
def sweeper(database: SwitchedDatabase) -> BlobSweeper:
    return BlobSweeper(database, page=2, batch=2)


async def refuse(stored: Stored, *letters: str) -> list[EventId]:
    """Store events that started nothing, each with large data of one letter."""
    now = stored.clock.now()
    events = [
        Event(
            id=EventId(new_id()), project_id=DEFAULT_PROJECT, workflow_id=stored.workflow_id, trigger_id=stored.trigger_id,
            dedupe_key=None, occurred_at=now, accepted_at=now, envelope={}, data=letter * 100_000,
            fate=Fate.FILTERED, reason="", execution_id=None,
        )
        for letter in letters
    ]  # fmt: skip
    async with stored.database.write() as uow:
        await uow.events.insert(events)
        await uow.commit()
    return [event.id for event in events]


async def remove(stored: Stored, ids: list[EventId]) -> None:
    async with stored.database.write() as uow:
        await uow.events.delete(ids)
        await uow.commit()


async def one_round(sweeper: BlobSweeper) -> list[timedelta]:
    waits = [await sweeper.tick()]
    while waits[-1] != BETWEEN_ROUNDS:
        waits.append(await sweeper.tick())
    return waits


async def contents(stored: Stored) -> int:
    async with stored.database.read() as uow:
        return len((await uow.blobs.unused(None, limit=100)).found)


async def test_where_everything_is_used_nothing_is_written(
    sweeper: BlobSweeper, stored: Stored, database: SwitchedDatabase
) -> None:
    await refuse(stored, *"abc")
    before = database.writes

    waits = await one_round(sweeper)

    assert database.writes == before
    assert waits == [AT_ONCE] * 3 + [BETWEEN_ROUNDS]  # two pages of owners, two of contents


async def test_a_round_takes_uses_first_and_contents_then(
    sweeper: BlobSweeper, stored: Stored, database: SwitchedDatabase
) -> None:
    await remove(stored, await refuse(stored, *"abcde"))
    before = database.writes

    await one_round(sweeper)

    assert await contents(stored) == 0
    assert database.writes - before == 6  # 2 + 2 + 1 of each


async def test_a_round_that_failed_goes_on_where_it_was(
    sweeper: BlobSweeper, stored: Stored, database: SwitchedDatabase
) -> None:
    await remove(stored, await refuse(stored, *"abcd"))
    while await contents(stored) == 0:  # nothing is unused before the uses are gone
        await sweeper.tick()
    database.away = True
    with pytest.raises(Unavailable):
        await sweeper.tick()
    database.away = False

    await one_round(sweeper)

    assert await contents(stored) == 0


async def test_an_empty_hub_is_looked_at_once_in_a_while(sweeper: BlobSweeper, stored: Stored) -> None:
    assert await one_round(sweeper) == [AT_ONCE, BETWEEN_ROUNDS]
    assert await stored.events() == []
