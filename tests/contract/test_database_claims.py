"""What every database must do on the hot path: store new executions, claim them once, and fence what is recorded."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.errors import Category
from engine.model.base import ExecutionId, ExecutorId, new_id
from engine.model.execution import DeadLetter, Failure, Note, Response, Status, StepStatus
from tests.contract.database_kits import (
    LATER,
    ME,
    PROJECT,
    SHE,
    Sample,
    claim,
    record,
    save,
    status_of,
    step,
)
from tests.fakes import START

pytestmark = pytest.mark.contract


async def test_a_new_execution_is_queued_and_carries_what_it_was_given(database: SqlDatabase, sample: Sample) -> None:
    other = ExecutionId(new_id())

    [id] = await sample.start(database, reply_to="reply.1", rerun_of=other)

    async with database.read() as work:
        stored = await work.executions.find(PROJECT, id)
    assert stored is not None
    assert (stored.status, stored.epoch, stored.owner) == (Status.QUEUED, 0, None)
    assert stored.created_at == stored.woken_at == START
    assert (stored.started_at, stored.finished_at, stored.rerun_of) == (None, None, other)


async def test_a_claim_brings_all_that_is_needed_to_run(database: SqlDatabase, sample: Sample) -> None:
    [id] = await sample.start(database, reply_to="reply.1")

    [claimed] = await claim(database, [id])

    assert (claimed.id, claimed.epoch, claimed.steps) == (id, 1, ())
    assert (claimed.envelope, claimed.data, claimed.reply_to) == ({"method": "POST"}, {"amount": 120}, "reply.1")
    assert (claimed.workflow_id, claimed.version_id) == (sample.workflow_id, sample.version_id)
    assert claimed.created_at == claimed.woken_at == claimed.occurred_at == START
    assert claimed.deadline_at == START + timedelta(days=30)


async def test_a_claimed_execution_is_running_and_has_an_owner(database: SqlDatabase, sample: Sample) -> None:
    [id] = await sample.start(database)

    await claim(database, [id])

    async with database.read() as work:
        stored = await work.executions.outcome(id)
    assert stored is not None
    assert (stored.status, stored.owner, stored.epoch, stored.started_at) == (Status.RUNNING, ME, 1, LATER)


async def test_what_is_not_queued_is_not_claimed(database: SqlDatabase, sample: Sample) -> None:
    ids = await sample.start(database, 3)
    await claim(database, ids[:1])

    claimed = await claim(database, [*ids, ExecutionId(new_id())], SHE)

    assert [each.id for each in claimed] == ids[1:]
    assert await claim(database, []) == []


async def test_two_owners_at_once_get_each_execution_exactly_once(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    ids = await sample.start(databases[0], 120)

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(claim(databases[number % 2], ids[number : number + 70], ExecutorId(f"e{number}")))
            for number in range(0, 60, 5)
        ]

    claimed = [each.id for task in tasks for each in task.result()]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == set(ids)


@pytest.mark.parametrize("count", [1, 500])
async def test_any_number_is_stored_claimed_and_recorded_at_once(
    database: SqlDatabase, sample: Sample, count: int
) -> None:
    ids = await sample.start(database, count)

    claimed = await claim(database, ids)
    counted = await save(database, [record(each, Status.SUCCEEDED, steps=(step(),)) for each in claimed])

    assert counted == set(ids)
    async with database.read() as work:
        totals = await work.executions.totals()
        assert len(await work.executions.steps(ids[-1])) == 1
    assert totals == {status: count if status is Status.SUCCEEDED else 0 for status in Status}


async def test_a_finished_execution_keeps_its_result(database: SqlDatabase, sample: Sample) -> None:
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])
    failure = Failure(code="remote_rejected", message="no such channel", category=Category.BUSINESS, step="tell")
    response = Response(status=201, headers={"x-a": "b"}, body={"done": True})

    await save(database, [record(claimed, Status.FAILED, output={"n": 1}, error=failure, response=response)])

    async with database.read() as work:
        stored = await work.executions.outcome(id)
    assert stored is not None
    assert (stored.status, stored.owner, stored.finished_at) == (Status.FAILED, None, LATER)
    assert (stored.output, stored.error, stored.response) == ({"n": 1}, failure.as_json(), response)


async def test_steps_come_back_as_they_were_recorded(database: SqlDatabase, sample: Sample) -> None:
    ids = await sample.start(database, 2)
    claimed, other = await claim(database, ids)
    steps = (
        step("is_big", ports=("true",), seq=1),
        step("shape", output={"total": 1.5, "none": None}, assigned={"n": 1}, seq=2),
        step("call", seq=3, status=StepStatus.RETRYING, ports=(), error=Failure(code="retryable", message="503")),
        step("call", seq=4, attempt=2, finished_at=None, status=StepStatus.WAITING, due_at=LATER, wait_reason="retry"),
        step("shape#2", seq=5, assigned={}, output=None),
        *(step(note.value, seq=6 + place, note=note) for place, note in enumerate(Note)),
    )

    await save(
        database,
        [
            record(claimed, Status.WAITING, steps=tuple(reversed(steps)), due_at=LATER),
            record(other, Status.WAITING, steps=(step("elsewhere"),), due_at=LATER),
        ],
    )

    async with database.read() as work:
        assert await work.executions.steps(id := claimed.id) == steps
    async with database.write() as work:
        await work.executions.wake(LATER, limit=10)
        await work.commit()
    again = {each.id: each for each in await claim(database, ids)}
    assert again[id].steps == steps
    assert [each.path for each in again[other.id].steps] == ["elsewhere"]


async def test_a_step_recorded_again_replaces_the_first(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    waiting = step("call", status=StepStatus.RUNNING, finished_at=None, ports=())
    await save(database, [record(claimed, Status.RUNNING, steps=(waiting,))])
    done = step("call", output="ok")

    await save(database, [record(claimed, Status.SUCCEEDED, steps=(waiting, done))])

    async with database.read() as work:
        assert await work.executions.steps(claimed.id) == (done,)


async def test_a_checkpoint_leaves_the_execution_running(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    response = Response(status=200, body="early")

    first = await save(database, [record(claimed, Status.RUNNING, steps=(step("a"),), response=response)])
    second = await save(database, [record(claimed, Status.SUCCEEDED, steps=(step("b", seq=2),))])

    assert first == second == {claimed.id}
    async with database.read() as work:
        stored = await work.executions.outcome(claimed.id)
        steps = await work.executions.steps(claimed.id)
    assert stored is not None
    assert (stored.status, stored.response) == (Status.SUCCEEDED, response)
    assert [each.path for each in steps] == ["a", "b"]


async def test_two_records_of_one_execution_count_as_one(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))

    counted = await save(
        database,
        [
            record(claimed, Status.RUNNING, steps=(step("a"),)),
            record(claimed, Status.SUCCEEDED, steps=(step("b", seq=2),)),
        ],
    )

    async with database.read() as work:
        steps = await work.executions.steps(claimed.id)
    assert counted == {claimed.id}
    assert await status_of(database, claimed.id) is Status.SUCCEEDED
    assert [each.path for each in steps] == ["a", "b"]


async def test_a_stale_owner_or_epoch_writes_nothing(database: SqlDatabase, sample: Sample) -> None:
    ids = await sample.start(database, 3)
    good, stale, stolen = await claim(database, ids)
    letter = _letter(stale.id, sample)

    counted = await save(
        database,
        [
            record(good, Status.SUCCEEDED, steps=(step(),)),
            record(stale, Status.FAILED, epoch=stale.epoch - 1, steps=(step(),), dead_letter=letter),
            record(stolen, Status.SUCCEEDED, owner=SHE, steps=(step(),)),
        ],
    )

    assert counted == {good.id}
    async with database.read() as work:
        assert await work.executions.steps(stale.id) == ()
        assert await work.executions.steps(stolen.id) == ()
        assert await work.dead_letters.find(PROJECT, letter.id) is None
    assert await status_of(database, stale.id) is await status_of(database, stolen.id) is Status.RUNNING


async def test_of_two_claims_in_one_batch_only_the_newer_counts(database: SqlDatabase, sample: Sample) -> None:
    [first] = await claim(database, await sample.start(database))
    async with database.write() as work:
        await work.executions.requeue([ME], now=LATER, limit=10)
        await work.commit()
    [second] = await claim(database, [first.id])

    counted = await save(
        database,
        [
            record(second, Status.SUCCEEDED, steps=(step("new"),)),
            record(first, Status.FAILED, steps=(step("old"),)),
        ],
    )

    assert counted == {first.id}
    assert await status_of(database, first.id) is Status.SUCCEEDED
    async with database.read() as work:
        assert [each.path for each in await work.executions.steps(first.id)] == ["new"]


async def test_a_finished_execution_takes_no_more_records(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    await save(database, [record(claimed, Status.SUCCEEDED)])

    counted = await save(database, [record(claimed, Status.FAILED, steps=(step(),))])

    assert counted == set()
    assert await status_of(database, claimed.id) is Status.SUCCEEDED


async def test_a_dead_letter_is_stored_with_the_failure(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    letter = _letter(claimed.id, sample)

    await save(database, [record(claimed, Status.FAILED, dead_letter=letter)])

    async with database.read() as work:
        assert await work.dead_letters.find(PROJECT, letter.id) == letter


async def test_a_record_and_a_cancellation_at_once_leave_one_of_them(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    claimed = await claim(databases[0], await sample.start(databases[0], 20))

    async def cancel(id: ExecutionId) -> Status | None:
        async with databases[1].write() as work:
            had = await work.executions.cancel(id, now=LATER, reason="a person said so")
            await work.commit()
        return had

    async with asyncio.TaskGroup() as group:
        saves = [group.create_task(save(databases[0], [record(each, Status.SUCCEEDED)])) for each in claimed]
        cancels = [group.create_task(cancel(each.id)) for each in claimed]

    for each, saved, cancelled in zip(claimed, saves, cancels, strict=True):
        expected = Status.SUCCEEDED if saved.result() else Status.CANCELLED
        assert bool(saved.result()) is (cancelled.result() is None)
        assert await status_of(databases[0], each.id) is expected


async def test_nothing_is_recorded_for_nothing(database: SqlDatabase) -> None:
    assert await save(database, []) == set()
    async with database.write() as work:
        await work.executions.insert([])
        assert await work.events.insert([]) == set()


def _letter(id: ExecutionId, sample: Sample) -> DeadLetter:
    return DeadLetter(
        id=new_id(),
        project_id=PROJECT,
        workflow_id=sample.workflow_id,
        execution_id=id,
        step="call",
        code="permanent",
        message="the remote side said no",
        fingerprint="f1",
        created_at=LATER,
    )
