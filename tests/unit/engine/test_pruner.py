"""History is deleted when its workflow's retention is over, and not before."""

from datetime import timedelta

import pytest

from engine.model.base import DEFAULT_PROJECT
from engine.model.event import Fate
from engine.model.execution import ExecutionRecord, Status
from engine.model.result import Result, ResultKey
from engine.pruner import BETWEEN_ROUNDS, Pruner
from engine.service import AT_ONCE
from tests.fakes import FakeClock, SwitchedDatabase
from tests.stored import OWNER, Stored, store

DAY = timedelta(days=1)


@pytest.fixture
def pruner(database: SwitchedDatabase, clock: FakeClock) -> Pruner:
    return Pruner(database, clock, retention=30 * DAY, batch=3, page=2)


async def finish(stored: Stored, status: Status = Status.SUCCEEDED, *, count: int = 1) -> None:
    for _ in range(count):
        await stored.record(status, finished_at=stored.clock.now())


async def left(stored: Stored) -> int:
    async with stored.database.read() as uow:
        found = [await uow.executions.find(DEFAULT_PROJECT, execution_id) for execution_id in stored.executions]
    return sum(execution is not None for execution in found)


async def one_round(pruner: Pruner) -> None:
    while await pruner.tick() != BETWEEN_ROUNDS:
        pass


async def test_executions_older_than_the_default_are_deleted_with_their_events(
    pruner: Pruner, stored: Stored, clock: FakeClock
) -> None:
    await finish(stored)
    await finish(stored, Status.FAILED)
    clock.advance(30 * DAY + timedelta(seconds=1))

    await one_round(pruner)

    assert await left(stored) == 0
    assert await stored.events() == []


async def test_younger_ones_stay(pruner: Pruner, stored: Stored, clock: FakeClock) -> None:
    await finish(stored)
    clock.advance(30 * DAY)

    await one_round(pruner)

    assert await left(stored) == 1


async def test_what_is_not_finished_stays_however_old(pruner: Pruner, stored: Stored, clock: FakeClock) -> None:
    await stored.queue()
    await stored.run()
    await stored.record(Status.WAITING)
    clock.advance(1000 * DAY)

    await one_round(pruner)

    assert await left(stored) == 3


@pytest.mark.parametrize(("retain", "age", "expected"), [("1d", 2, 0), ("90d", 60, 1)])
async def test_a_workflow_may_say_how_long_it_keeps_history(
    database: SwitchedDatabase, pruner: Pruner, clock: FakeClock, retain: str, age: int, expected: int
) -> None:
    keeping = await store(database, clock, {"name": "keeping", "settings": {"retain": retain}})
    await finish(keeping)
    clock.advance(age * DAY)

    await one_round(pruner)

    assert await left(keeping) == expected


async def test_all_workflows_are_visited_page_by_page(
    database: SwitchedDatabase, pruner: Pruner, clock: FakeClock
) -> None:
    many = [await store(database, clock, {"name": f"number {number}"}) for number in range(5)]
    for stored in many:
        await finish(stored)
    clock.advance(31 * DAY)

    waits = [await pruner.tick() for _ in range(3)]

    assert [await left(stored) for stored in many] == [0] * 5
    assert waits == [AT_ONCE, AT_ONCE, BETWEEN_ROUNDS]


async def test_much_history_is_deleted_in_small_batches(pruner: Pruner, stored: Stored, clock: FakeClock) -> None:
    await finish(stored, count=7)
    clock.advance(31 * DAY)

    passes = [(await pruner.tick(), await left(stored)) for _ in range(3)]

    assert passes == [(AT_ONCE, 4), (AT_ONCE, 1), (BETWEEN_ROUNDS, 0)]


async def test_where_nothing_is_old_nothing_is_written(
    pruner: Pruner, stored: Stored, database: SwitchedDatabase
) -> None:
    await finish(stored)
    before = database.writes

    await one_round(pruner)

    assert database.writes == before


async def test_old_events_that_started_nothing_are_deleted_too(
    pruner: Pruner, stored: Stored, clock: FakeClock
) -> None:
    await stored.refuse(Fate.FILTERED)
    clock.advance(30 * DAY + timedelta(seconds=1))
    await stored.refuse(Fate.FILTERED)

    await one_round(pruner)

    assert len(await stored.events()) == 1


async def keep(stored: Stored, count: int, *, lifetime: timedelta) -> list[str]:
    """Let an execution leave results."""
    now = stored.clock.now()
    digests = [f"{number}-{lifetime}" for number in range(count)]
    results = tuple(
        Result(
            key=ResultKey(digest=digest, project_id=DEFAULT_PROJECT, workflow_id=stored.workflow_id, node="n"),
            output=1,
            stored_at=now,
            expires_at=now + lifetime,
        )
        for digest in digests
    )
    execution_id = await stored.run()
    async with stored.database.write() as uow:
        record = ExecutionRecord(
            id=execution_id, owner=OWNER, epoch=1, status=Status.SUCCEEDED, finished_at=now, results=results
        )
        assert await uow.executions.record([record]) == {execution_id}
        await uow.commit()
    return digests


async def test_expired_results_are_deleted_in_small_batches_and_others_stay(
    pruner: Pruner, stored: Stored, clock: FakeClock
) -> None:
    expiring = await keep(stored, 4, lifetime=DAY)
    lasting = await keep(stored, 2, lifetime=3 * DAY)
    clock.advance(DAY)

    passes = [await pruner.tick(), await pruner.tick()]

    async with stored.database.read() as uow:
        left = await uow.results.find([*expiring, *lasting], now=clock.now() - DAY)
    assert set(left) == set(lasting)
    assert passes == [AT_ONCE, BETWEEN_ROUNDS]
