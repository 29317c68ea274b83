"""Executions whose messages die are announced again, and become dead letters when they go on dying."""

from datetime import timedelta

import pytest

from engine.dead_messages import CODE, MAX_DEATHS, DeadMessages
from engine.errors import Unavailable
from engine.model.base import DEFAULT_PROJECT, ExecutionId, new_id
from engine.model.execution import DeadLetter, Status
from engine.model.workflow import Lane
from engine.repositories import Page
from engine.service import AT_ONCE
from tests.fakes import FakeBroker, FakeClock, SwitchedDatabase
from tests.stored import Stored

MEMORY = timedelta(hours=1)


@pytest.fixture
def dead_messages(database: SwitchedDatabase, broker: FakeBroker, clock: FakeClock) -> DeadMessages:
    return DeadMessages(database, broker, clock, batch=2, bound=3, memory=MEMORY)


async def die(dead_messages: DeadMessages, broker: FakeBroker, *ids: ExecutionId, times: int = 1) -> None:
    """Let the messages of these executions die, all of them at once, so many times."""
    for _ in range(times):
        broker.dead = list(ids)
        while broker.dead:
            await dead_messages.tick()


async def letters(database: SwitchedDatabase) -> list[DeadLetter]:
    async with database.read() as uow:
        return list(await uow.dead_letters.list(DEFAULT_PROJECT, Page()))


async def test_an_execution_whose_message_died_is_announced_again_in_its_lane(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase
) -> None:
    execution_id = await stored.queue(lane=Lane.HIGH)

    await die(dead_messages, broker, execution_id, times=MAX_DEATHS - 1)

    assert broker.published == [(Lane.HIGH, [execution_id])] * (MAX_DEATHS - 1)
    assert await stored.status(execution_id) is Status.QUEUED
    assert await letters(database) == []


async def test_executions_that_died_in_one_message_are_announced_in_messages_of_their_own(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker
) -> None:
    """So that an innocent one is rid of the one that kills."""
    poison, innocent = await stored.queue(), await stored.queue()

    await die(dead_messages, broker, poison, innocent)

    assert broker.published == [(Lane.NORMAL, [poison]), (Lane.NORMAL, [innocent])]


async def test_an_execution_whose_message_died_three_times_fails_with_a_dead_letter(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase
) -> None:
    execution_id = await stored.queue()

    await die(dead_messages, broker, execution_id, times=3)

    shown = await stored.shown(execution_id)
    assert shown.status is Status.FAILED
    assert shown.error is not None
    assert shown.error["code"] == CODE
    [letter] = await letters(database)
    assert (letter.execution_id, letter.code, letter.state) == (execution_id, CODE, "open")
    assert len(broker.published) == 2


async def test_only_those_that_go_on_dying_are_given_up(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker
) -> None:
    poison, innocent = await stored.queue(), await stored.queue()
    await die(dead_messages, broker, poison, innocent)

    await die(dead_messages, broker, poison, times=MAX_DEATHS - 1)

    assert await stored.status(poison) is Status.FAILED
    assert await stored.status(innocent) is Status.QUEUED


async def test_two_messages_of_one_execution_that_die_together_count_once(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker
) -> None:
    execution_id = await stored.queue()

    await die(dead_messages, broker, execution_id, execution_id, times=MAX_DEATHS - 1)

    assert await stored.status(execution_id) is Status.QUEUED
    assert len(broker.published) == MAX_DEATHS - 1


async def test_deaths_of_long_ago_do_not_count(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    execution_id = await stored.queue()
    await die(dead_messages, broker, execution_id, times=MAX_DEATHS - 1)

    clock.advance(MEMORY)
    await die(dead_messages, broker, execution_id, times=MAX_DEATHS - 1)

    assert await stored.status(execution_id) is Status.QUEUED


async def test_the_deaths_of_few_executions_are_remembered(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker
) -> None:
    """A flood of dead messages costs no memory; it only delays the verdict."""
    first, *others = [await stored.queue() for _ in range(4)]
    await die(dead_messages, broker, first, times=MAX_DEATHS - 1)

    await die(dead_messages, broker, *others)
    await die(dead_messages, broker, first)

    assert await stored.status(first) is Status.QUEUED


async def test_dead_letters_of_this_kind_share_a_fingerprint(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase
) -> None:
    await die(dead_messages, broker, await stored.queue(), await stored.queue(), times=MAX_DEATHS)

    found = await letters(database)
    assert len(found) == 2
    assert len({letter.fingerprint for letter in found}) == 1


async def test_an_execution_that_somebody_claimed_meanwhile_is_left_alone(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase
) -> None:
    running = await stored.run()

    await die(dead_messages, broker, running, ExecutionId(new_id()), times=MAX_DEATHS)

    assert await stored.status(running) is Status.RUNNING
    assert broker.published == []
    assert await letters(database) == []


async def test_the_failure_can_be_replayed_and_has_all_its_lives_again(
    dead_messages: DeadMessages, stored: Stored, broker: FakeBroker, database: SwitchedDatabase, clock: FakeClock
) -> None:
    execution_id = await stored.queue()
    await die(dead_messages, broker, execution_id, times=MAX_DEATHS)

    async with database.write() as uow:
        await uow.executions.revive(execution_id, now=clock.now(), deadline_at=clock.now() + timedelta(hours=1))
        await uow.commit()
    await die(dead_messages, broker, execution_id, times=MAX_DEATHS - 1)

    assert await stored.status(execution_id) is Status.QUEUED


async def test_many_are_taken_in_batches(dead_messages: DeadMessages, stored: Stored, broker: FakeBroker) -> None:
    broker.dead = [await stored.queue() for _ in range(3)]
    ids = list(broker.dead)

    waits = [await dead_messages.tick() for _ in range(3)]

    assert waits == [AT_ONCE, AT_ONCE, timedelta(seconds=5)]
    assert broker.ids() == ids


async def test_a_broker_that_is_away_is_asked_again_later(dead_messages: DeadMessages, broker: FakeBroker) -> None:
    broker.away = True

    with pytest.raises(Unavailable):
        await dead_messages.tick()
