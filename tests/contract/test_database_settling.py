"""What every database must do when people and time act on executions, and the balance that must hold throughout."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutionId, TriggerId, new_id
from engine.model.event import Event, Fate
from engine.model.execution import DeadLetter, Failure, Status, StepStatus
from engine.model.trigger import Balance
from engine.model.workflow import Lane
from engine.repositories import EventFilter, Page
from tests.contract.database_kits import (
    LATER,
    PROJECT,
    Sample,
    claim,
    record,
    save,
    status_of,
    step,
)

pytestmark = pytest.mark.contract

UNKNOWN = ExecutionId(new_id())
NO_ID = ExecutionId("not-an-id")


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def balance(database: SqlDatabase, sample: Sample) -> Balance:
    async with database.read() as work:
        return await work.executions.balance(sample.trigger_id)


async def delete(database: SqlDatabase, *ids: ExecutionId) -> None:
    async with database.write() as work:
        await work.executions.delete(ids)
        await work.commit()


async def find_event(database: SqlDatabase, event: Event) -> Event | None:
    async with database.read() as work:
        return await work.events.find(PROJECT, event.id)


async def finished(database: SqlDatabase, sample: Sample, status: Status = Status.SUCCEEDED) -> ExecutionId:
    [claimed] = await claim(database, await sample.start(database))
    letter = DeadLetter(
        id=new_id(), project_id=PROJECT, workflow_id=sample.workflow_id, execution_id=claimed.id,
        step=None, code="permanent", message="no", fingerprint="f", created_at=LATER,
    )  # fmt: skip
    await save(database, [record(claimed, status, steps=(step(),), dead_letter=letter)])
    return claimed.id


async def test_cancelling_ends_whatever_is_not_final(database: SqlDatabase, sample: Sample) -> None:
    queued, running, sleeping = await sample.start(database, 3)
    owned, resting = await claim(database, [running, sleeping])
    await save(database, [record(resting, Status.WAITING, due_at=LATER, wait_reason="delay")])

    async with database.write() as work:
        had = [await work.executions.cancel(id, now=LATER, reason="enough") for id in (queued, running, sleeping)]
        await work.commit()

    assert had == [Status.QUEUED, Status.RUNNING, Status.WAITING]
    async with database.read() as work:
        stored = await work.executions.outcome(sleeping)
    assert stored is not None
    assert (stored.status, stored.finished_at, stored.due_at, stored.wait_reason) == (
        Status.CANCELLED,
        LATER,
        None,
        None,
    )
    assert stored.error is not None
    assert (stored.error["code"], stored.error["message"]) == ("cancelled", "enough")
    assert stored.epoch == resting.epoch + 1
    assert await save(database, [record(owned, Status.SUCCEEDED)]) == set()
    assert (await balance(database, sample)).difference == 0


async def test_cancelling_closes_the_open_steps_only(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    steps = [step(status.value, seq=place, status=status) for place, status in enumerate(StepStatus, start=1)]
    await save(
        database, [record(claimed, Status.RUNNING, steps=tuple(replace(each, finished_at=None) for each in steps))]
    )

    async with database.write() as work:
        await work.executions.cancel(claimed.id, now=LATER, reason="enough")
        await work.commit()

    async with database.read() as work:
        stored = {each.path: each for each in await work.executions.steps(claimed.id)}
    closed = {path for path, each in stored.items() if each.status is StepStatus.CANCELLED and path != "cancelled"}
    assert closed == {"running", "waiting", "retrying"}
    assert {each.finished_at for path, each in stored.items() if path in closed} == {LATER}
    assert stored["succeeded"].status is StepStatus.SUCCEEDED


async def test_a_final_or_unknown_execution_is_not_cancelled(database: SqlDatabase, sample: Sample) -> None:
    done = await finished(database, sample)

    async with database.write() as work:
        had = [await work.executions.cancel(id, now=LATER, reason="x") for id in (done, UNKNOWN, NO_ID)]
        await work.commit()

    assert had == [None, None, None]
    assert await status_of(database, done) is Status.SUCCEEDED


async def test_reviving_queues_a_failed_one_and_leaves_its_steps_to_the_engine(
    database: SqlDatabase, sample: Sample
) -> None:
    [claimed] = await claim(database, await sample.start(database, lane=Lane.LOW))
    failure = Failure(code="permanent", message="no")
    steps = tuple(
        step(status.value, seq=place, status=status, error=failure if status is StepStatus.FAILED else None)
        for place, status in enumerate(StepStatus, start=1)
    )
    await save(database, [record(claimed, Status.FAILED, steps=steps, error=failure, output={"a": 1})])
    now = LATER + timedelta(days=1)

    async with database.write() as work:
        lane = await work.executions.revive(claimed.id, now=now, deadline_at=now + timedelta(hours=2))
        await work.commit()

    [again] = await claim(database, [claimed.id])
    assert lane is Lane.LOW
    assert (again.woken_at, again.deadline_at, again.epoch) == (now, now + timedelta(hours=2), claimed.epoch + 1)
    assert again.steps == steps
    async with database.read() as work:
        stored = await work.executions.outcome(claimed.id)
    assert stored is not None
    assert (stored.finished_at, stored.error, stored.output) == (None, None, None)
    assert (await balance(database, sample)).difference == 0


async def test_steps_are_written_over_those_of_the_same_path_and_attempt(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    first, second = step("a"), step("b", seq=2, status=StepStatus.FAILED, error=Failure(code="x", message="x"))
    await save(database, [record(claimed, Status.FAILED, steps=(first, second))])
    opened, fresh = replace(second, status=StepStatus.RETRYING, due_at=LATER), step("c", seq=3)

    async with database.write() as work:
        await work.executions.rewrite(claimed.id, PROJECT, [opened, fresh])
        await work.commit()

    async with database.read() as work:
        assert await work.executions.steps(claimed.id) == (first, opened, fresh)


async def test_only_a_failed_one_is_revived(database: SqlDatabase, sample: Sample) -> None:
    done = await finished(database, sample)

    async with database.write() as work:
        lanes = [await work.executions.revive(id, now=LATER, deadline_at=LATER) for id in (done, UNKNOWN, NO_ID)]
        await work.commit()

    assert lanes == [None, None, None]
    assert await status_of(database, done) is Status.SUCCEEDED


async def test_the_balance_counts_every_event_and_what_became_of_it(database: SqlDatabase, sample: Sample) -> None:
    ids = await sample.start(database, 5)
    running, waiting, failed, cancelled = await claim(database, ids[:4])
    await save(database, [record(waiting, Status.WAITING, due_at=LATER), record(failed, Status.FAILED)])
    async with database.write() as work:
        await work.executions.cancel(cancelled.id, now=LATER, reason="x")
        await work.events.insert(
            [sample.event(fate=fate, execution_id=None) for fate in (Fate.HELD, Fate.FILTERED, Fate.FILTERED)]
        )
        await work.commit()
    await Sample().start(database)

    counted = await balance(database, sample)

    assert running.id in ids
    assert counted.accepted == 5
    assert counted.by_status == {
        "queued": 1, "running": 1, "waiting": 1, "paused": 0, "succeeded": 0, "failed": 1, "cancelled": 1,
    }  # fmt: skip
    assert counted.by_fate == {
        "started": 5, "filtered": 2, "duplicate": 0, "rejected": 0, "skipped": 0, "merged": 0, "held": 1,
        "dead": 0,
    }  # fmt: skip
    assert counted.difference == 0


async def test_a_rerun_is_no_second_acceptance(database: SqlDatabase, sample: Sample) -> None:
    original = sample.event()
    async with database.write() as work:
        await work.events.insert([original])
        await work.executions.insert([sample.execution(original)])
        rerun = replace(sample.execution(original), id=ExecutionId(new_id()), rerun_of=original.execution_id)
        await work.executions.insert([rerun])
        await work.commit()

    counted = await balance(database, sample)

    assert (counted.accepted, sum(counted.by_status.values()), counted.difference) == (1, 1, 0)


async def test_a_trigger_nobody_knows_balances_at_nothing(database: SqlDatabase) -> None:
    async with database.read() as work:
        counted = [await work.executions.balance(TriggerId(id)) for id in (new_id(), "x")]

    assert [(each.accepted, each.difference) for each in counted] == [(0, 0), (0, 0)]


async def test_the_expired_finished_before_a_time(database: SqlDatabase, sample: Sample) -> None:
    done = [await finished(database, sample, status) for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)]
    await claim(database, await sample.start(database, 2))
    await finished(database, Sample())

    async with database.read() as work:
        assert await work.executions.expired(sample.workflow_id, before=LATER, limit=10) == []
        after = LATER + timedelta(seconds=1)
        assert await work.executions.expired(sample.workflow_id, before=after, limit=2) == sorted(done)[:2]
        assert set(await work.executions.expired(sample.workflow_id, before=after, limit=10)) == set(done)


async def test_deleting_takes_steps_letters_and_events_along(database: SqlDatabase, sample: Sample) -> None:
    gone, kept = await finished(database, sample), await finished(database, sample)
    async with database.read() as work:
        [event] = [each for each in await work.events.list(PROJECT, EventFilter(), Page()) if each.execution_id == gone]
    repeat = sample.event(fate=Fate.DUPLICATE, execution_id=gone, first_event_id=event.id)
    async with database.write() as work:
        await work.events.insert([repeat])
        await work.commit()

    await delete(database, gone, UNKNOWN)

    async with database.read() as work:
        assert await work.executions.outcome(gone) is None
        assert await work.executions.steps(gone) == ()
        assert [each.execution_id for each in await work.dead_letters.list(PROJECT, Page())] == [kept]
        assert [each.execution_id for each in await work.events.list(PROJECT, EventFilter(), Page())] == [kept]
        assert len(await work.executions.steps(kept)) == 1
    assert (await balance(database, sample)).accepted == 1
    assert (await balance(database, sample)).difference == 0


async def test_an_event_stays_while_a_rerun_needs_it(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event()
    assert event.execution_id is not None
    rerun = replace(sample.execution(event), id=ExecutionId(new_id()), rerun_of=event.execution_id)
    async with database.write() as work:
        await work.events.insert([event])
        await work.executions.insert([sample.execution(event), rerun])
        await work.commit()

    await delete(database, event.execution_id)

    left = await balance(database, sample)
    [claimed] = await claim(database, [rerun.id])
    assert (left.accepted, left.difference) == (0, 0)
    assert claimed.data == event.data
    await delete(database, rerun.id)
    assert await find_event(database, event) is None


async def test_an_event_stays_while_its_first_execution_is_there(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event()
    rerun = replace(sample.execution(event), id=ExecutionId(new_id()), rerun_of=event.execution_id)
    async with database.write() as work:
        await work.events.insert([event])
        await work.executions.insert([sample.execution(event), rerun])
        await work.commit()

    await delete(database, rerun.id)

    assert await find_event(database, event) == event
    assert (await balance(database, sample)).difference == 0


async def test_deleting_nothing_changes_nothing(database: SqlDatabase, sample: Sample) -> None:
    done = await finished(database, sample)

    await delete(database)

    assert await status_of(database, done) is Status.SUCCEEDED
