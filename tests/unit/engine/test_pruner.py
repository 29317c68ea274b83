"""History is deleted when its workflow's retention is over, and not before."""

from datetime import timedelta

import pytest

from db.tables import projects, workflows
from db.unit_of_work import SqlUnitOfWork
from engine.model.base import DEFAULT_PROJECT, ExecutionId, JsonObject, ProjectId, new_id
from engine.model.event import Fate
from engine.model.execution import ExecutionRecord, Status, StepRecord, StepStatus
from engine.model.result import Result, ResultKey
from engine.model.workflow import Retention
from engine.pruner import BETWEEN_ROUNDS, STEPS_EACH, Pruner
from engine.retention import LEAST, Pace
from engine.service import AT_ONCE
from tests.fakes import FakeClock, SwitchedDatabase
from tests.stored import OWNER, Stored, store

DAY = timedelta(days=1)


@pytest.fixture
def pruner(database: SwitchedDatabase, clock: FakeClock) -> Pruner:
    return Pruner(database, clock, retention=Retention(age=30 * DAY), batch=3, page=2, timer=lambda: 0.0)


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


@pytest.mark.parametrize("retain", [{"count": 2}, {"age": "90d", "count": 2}])
async def test_a_workflow_may_say_how_many_it_keeps(
    database: SwitchedDatabase, pruner: Pruner, clock: FakeClock, retain: JsonObject
) -> None:
    keeping = await store(database, clock, {"name": "keeping", "settings": {"retain": retain}})
    await finish(keeping, count=7)
    waiting = await keeping.record(Status.WAITING)

    await one_round(pruner)

    assert await left(keeping) == 3
    kept = [each for each in keeping.executions if await exists(keeping, each)]
    assert kept == [*keeping.executions[5:7], waiting]


async def exists(stored: Stored, execution_id: ExecutionId) -> bool:
    async with stored.database.read() as uow:
        return await uow.executions.outcome(execution_id) is not None


async def test_what_either_bound_does_not_keep_goes(
    database: SwitchedDatabase, pruner: Pruner, clock: FakeClock
) -> None:
    keeping = await store(database, clock, {"name": "k", "settings": {"retain": {"age": "2d", "count": 3}}})
    await finish(keeping, count=3)
    clock.advance(3 * DAY)
    await finish(keeping, count=2)

    await one_round(pruner)

    assert await left(keeping) == 2


async def test_the_hub_may_say_how_many_and_a_workflow_may_say_otherwise(
    database: SwitchedDatabase, stored: Stored, clock: FakeClock
) -> None:
    more = await store(database, clock, {"name": "more", "settings": {"retain": {"count": 4}}})
    longer = await store(database, clock, {"name": "longer", "settings": {"retain": {"age": "90d", "count": 10}}})
    silent = await store(database, clock, {"name": "silent", "settings": {"retain": "90d"}})
    for each in (stored, more, longer, silent):
        await finish(each, count=5)

    await one_round(Pruner(database, clock, retention=Retention(age=DAY, count=1), timer=lambda: 0.0))

    assert [await left(each) for each in (stored, more, longer, silent)] == [1, 4, 5, 1]


async def test_history_of_every_project_is_pruned(
    database: SwitchedDatabase, pruner: Pruner, stored: Stored, clock: FakeClock
) -> None:
    await finish(stored)
    project = ProjectId(new_id())
    async with database.write() as uow:
        assert isinstance(uow, SqlUnitOfWork)
        await uow.transaction.run(projects.insert().values(id=project, name="another", created_at=clock.now()))
        await uow.transaction.run(workflows.update().values(project_id=project))
        await uow.commit()
    clock.advance(31 * DAY)

    await one_round(pruner)

    assert await left(stored) == 0


async def test_an_execution_with_very_many_steps_goes_in_parts(
    pruner: Pruner, stored: Stored, clock: FakeClock
) -> None:
    (execution_id,) = [await stored.run()]
    now = clock.now()
    steps = tuple(
        StepRecord(
            path=f"a[{n}]", node="a", attempt=1, seq=n + 1, status=StepStatus.SUCCEEDED, started_at=now, finished_at=now
        )
        for n in range(3 * STEPS_EACH + 1)
    )
    async with stored.database.write() as uow:
        record = ExecutionRecord(
            id=execution_id, owner=OWNER, epoch=1, status=Status.SUCCEEDED, finished_at=now, steps=steps
        )
        await uow.executions.record([record])
        await uow.commit()
    clock.advance(31 * DAY)

    waits = [await pruner.tick()]
    async with stored.database.read() as uow:
        remaining = len(await uow.executions.steps(execution_id))
    waits.append(await pruner.tick())

    assert (waits, remaining) == ([AT_ONCE, BETWEEN_ROUNDS], 1)
    assert await left(stored) == 0


def test_a_slow_transaction_halves_the_next_and_a_quick_one_doubles_it() -> None:
    pace = Pace(100)
    sizes = [pace.size]
    for seconds in (0.001, 0.11, 0.05, 0.11, 0.11, 0.001, 0.001, 0.001, 0.001):
        pace.took(seconds)
        sizes.append(pace.size)

    assert sizes == [20, 40, 20, 20, 10, 10, 20, 40, 80, 100]
    assert pace.rest == timedelta(milliseconds=1)
    for _ in range(10):
        pace.took(9.0)
    assert pace.size == LEAST


async def test_after_a_batch_the_pruner_rests_as_long_as_it_took(
    database: SwitchedDatabase, stored: Stored, clock: FakeClock
) -> None:
    await finish(stored)
    clock.advance(31 * DAY)
    times = iter((10.0, 10.03))

    pruner = Pruner(database, clock, batch=1, timer=lambda: next(times))

    assert (await pruner.tick()).total_seconds() == pytest.approx(0.03)
