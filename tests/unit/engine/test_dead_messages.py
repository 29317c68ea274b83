"""Executions whose messages kill every consumer become dead letters."""

from datetime import timedelta

import pytest

from engine.dead_messages import CODE, DeadMessages
from engine.errors import Unavailable
from engine.model.base import DEFAULT_PROJECT, ExecutionId, new_id
from engine.model.execution import DeadLetter, Status
from engine.repositories import Page
from engine.service import AT_ONCE
from tests.fakes import FakeBroker, FakeClock, SwitchedDatabase
from tests.stored import Stored


@pytest.fixture
def dead_messages(database: SwitchedDatabase, broker: FakeBroker, clock: FakeClock) -> DeadMessages:
    return DeadMessages(database, broker, clock, batch=2)


async def letters(database: SwitchedDatabase) -> list[DeadLetter]:
    async with database.read() as uow:
        return list(await uow.dead_letters.list(DEFAULT_PROJECT, Page()))


async def test_an_execution_whose_message_died_fails_with_a_dead_letter(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase
) -> None:
    execution_id = await stored.queue()
    broker.dead = [execution_id]

    await dead_messages.tick()

    shown = await stored.shown(execution_id)
    assert shown.status is Status.FAILED
    assert shown.error is not None
    assert shown.error["code"] == CODE
    [letter] = await letters(database)
    assert (letter.execution_id, letter.code, letter.state) == (execution_id, CODE, "open")


async def test_dead_letters_of_this_kind_share_a_fingerprint(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase
) -> None:
    broker.dead = [await stored.queue(), await stored.queue()]

    await dead_messages.tick()

    assert len({letter.fingerprint for letter in await letters(database)}) == 1


async def test_an_execution_that_somebody_claimed_meanwhile_is_left_alone(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase
) -> None:
    running = await stored.run()
    broker.dead = [running, ExecutionId(new_id())]

    await dead_messages.tick()

    assert await stored.status(running) is Status.RUNNING
    assert await letters(database) == []


async def test_the_failure_can_be_replayed(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase, clock: FakeClock
) -> None:
    execution_id = await stored.queue()
    broker.dead = [execution_id]
    await dead_messages.tick()

    async with database.write() as uow:
        await uow.executions.revive(execution_id, now=clock.now(), deadline_at=clock.now() + timedelta(hours=1))
        await uow.commit()

    assert await stored.status(execution_id) is Status.QUEUED


async def test_many_are_buried_in_batches(dead_messages: DeadMessages, stored: Stored, broker: FakeBroker) -> None:
    broker.dead = [await stored.queue() for _ in range(3)]
    ids = list(broker.dead)

    waits = [await dead_messages.tick() for _ in range(3)]

    assert waits == [AT_ONCE, AT_ONCE, timedelta(seconds=5)]
    assert {await stored.status(execution_id) for execution_id in ids} == {Status.FAILED}


async def test_a_broker_that_is_away_is_asked_again_later(dead_messages: DeadMessages, broker: FakeBroker) -> None:
    broker.away = True

    with pytest.raises(Unavailable):
        await dead_messages.tick()
