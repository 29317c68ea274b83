"""What every database must do when the time of executions is up and their executors do nothing about it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutorId, new_id
from engine.model.execution import Claimed, DeadLetter, Failure, Overdue, Status, StepStatus
from engine.repositories import Page
from tests.contract.database_kits import LATER, ME, PROJECT, Sample, claim, record, save, status_of, step
from tests.fakes import START

pytestmark = pytest.mark.contract

DEADLINE = START + timedelta(hours=2)
PAST = DEADLINE + timedelta(seconds=1)
FAILURE = Failure(code="execution_timeout", message="too long", step="call")


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def one_in_each_state(database: SqlDatabase, sample: Sample) -> list[Claimed]:
    """A queued, a paused, a running and a waiting one, all with the same time limit, and one that has ended."""
    queued, paused, *rest = await sample.start(database, 5, deadline_at=DEADLINE)
    running, waiting, ended = await claim(database, rest)
    await save(database, [record(waiting, Status.WAITING, due_at=LATER), record(ended, Status.SUCCEEDED)])
    async with database.write() as work:
        await work.executions.pause(paused, now=LATER)
        await work.commit()
    assert await status_of(database, queued) is Status.QUEUED
    return [running, waiting]


async def overdue(database: SqlDatabase, *, limit: int = 10) -> Sequence[Overdue]:
    async with database.read() as work:
        return await work.executions.overdue(before=PAST, limit=limit)


def letter(one: Overdue) -> DeadLetter:
    return DeadLetter(
        id=new_id(), project_id=one.project_id, workflow_id=one.workflow_id, execution_id=one.id,
        step="call", code=FAILURE.code, message=FAILURE.message, fingerprint="f", created_at=LATER,
    )  # fmt: skip


async def test_all_that_have_not_ended_are_found_once_their_time_is_up(database: SqlDatabase, sample: Sample) -> None:
    await one_in_each_state(database, sample)
    await sample.start(database, deadline_at=PAST)

    async with database.read() as work:
        assert await work.executions.overdue(before=DEADLINE, limit=10) == []
    found = await overdue(database)

    assert sorted(one.status for one in found) == ["paused", "queued", "running", "waiting"]
    assert {one.owner for one in found} == {None, ME}
    assert len(await overdue(database, limit=2)) == 2


async def test_one_that_is_ended_from_outside_is_failed_and_its_owners_late_writes_change_nothing(
    database: SqlDatabase, sample: Sample
) -> None:
    running, _ = await one_in_each_state(database, sample)
    await save(database, [record(running, Status.RUNNING, steps=(step("before"),))])
    stopped = step("call", seq=2, status=StepStatus.CANCELLED, error=FAILURE, ports=())

    async with database.write() as work:
        [one] = [each for each in await work.executions.overdue(before=PAST, limit=10, lock=True) if each.owner == ME]
        await work.executions.expire(one, FAILURE, [stopped], letter(one), now=LATER)
        await work.commit()

    assert await save(database, [record(running, Status.SUCCEEDED, steps=(step("call", seq=2),))]) == set()
    async with database.read() as work:
        shown = await work.executions.outcome(running.id)
        steps = await work.executions.steps(running.id)
        letters = await work.dead_letters.list(PROJECT, Page())
        balance = await work.executions.balance(sample.trigger_id)
    assert shown is not None
    assert (shown.status, shown.owner, shown.epoch, shown.finished_at) == (Status.FAILED, None, 2, LATER)
    assert shown.error == FAILURE.as_json()
    assert [(each.path, each.status) for each in steps] == [
        ("before", StepStatus.SUCCEEDED),
        ("call", StepStatus.CANCELLED),
    ]
    assert [(each.execution_id, each.code, each.state) for each in letters] == [(one.id, "execution_timeout", "open")]
    assert balance.difference == 0


async def test_two_schedulers_never_get_the_same_one(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    await one_in_each_state(databases[0], sample)
    taken: list[str] = []

    async def end_all(database: SqlDatabase) -> None:
        async with database.write() as work:
            for one in await work.executions.overdue(before=PAST, limit=10, lock=True):
                taken.append(one.id)
                await work.executions.expire(one, FAILURE, [], letter(one), now=LATER)
            await work.commit()

    await asyncio.gather(*(end_all(database) for database in databases))

    assert len(taken) == len(set(taken)) == 4
    assert await overdue(databases[0]) == []


async def test_what_an_executor_said_of_itself_can_be_read(database: SqlDatabase) -> None:
    async with database.write() as work:
        await work.liveness.beat(ME, now=LATER, details={"calls": [{"step": "a"}]})
        assert await work.liveness.details(ME) == {"calls": [{"step": "a"}]}
        assert await work.liveness.details(ExecutorId("nobody")) == {}
