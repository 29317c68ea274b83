"""What every database must do when people pause executions and let them go on."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutionId, new_id
from engine.model.execution import Execution, Status
from engine.model.workflow import Lane
from tests.contract.database_kits import LATER, ME, Sample, claim, record, save, status_of, step

pytestmark = pytest.mark.contract

HOUR = timedelta(hours=1)


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def pause(database: SqlDatabase, *ids: ExecutionId) -> list[Status | None]:
    async with database.write() as work:
        had = [await work.executions.pause(each, now=LATER) for each in ids]
        await work.commit()
    return had


async def unpause(database: SqlDatabase, execution_id: ExecutionId) -> tuple[Status, Lane] | None:
    async with database.write() as work:
        back = await work.executions.unpause(execution_id, now=LATER)
        await work.commit()
    return back


async def find(database: SqlDatabase, execution_id: ExecutionId) -> Execution:
    async with database.read() as work:
        found = await work.executions.outcome(execution_id)
    assert found is not None
    return found


async def waiting(database: SqlDatabase, sample: Sample, *, due_in: timedelta | None) -> ExecutionId:
    [claimed] = await claim(database, await sample.start(database))
    due_at = None if due_in is None else LATER + due_in
    await save(database, [record(claimed, Status.WAITING, due_at=due_at, wait_reason="delay", steps=(step(),))])
    return claimed.id


async def test_a_queued_one_is_paused_at_once_and_nobody_can_claim_it(database: SqlDatabase, sample: Sample) -> None:
    [queued] = await sample.start(database)

    assert await pause(database, queued) == [Status.QUEUED]

    assert await claim(database, [queued]) == []
    shown = await find(database, queued)
    assert (shown.status, shown.pause_asked_at) == (Status.PAUSED, LATER)
    async with database.read() as work:
        assert (await work.executions.balance(sample.trigger_id)).difference == 0


async def test_a_queued_one_goes_back_into_its_queue(database: SqlDatabase, sample: Sample) -> None:
    [queued] = await sample.start(database, lane=Lane.HIGH)
    await pause(database, queued)

    assert await unpause(database, queued) == (Status.QUEUED, Lane.HIGH)

    [claimed] = await claim(database, [queued])
    assert claimed.id == queued
    assert (await find(database, queued)).pause_asked_at is None


async def test_a_wait_that_is_not_over_goes_on_and_nothing_wakes_it_while_paused(
    database: SqlDatabase, sample: Sample
) -> None:
    sleeping = await waiting(database, sample, due_in=HOUR)

    assert await pause(database, sleeping) == [Status.WAITING]
    async with database.write() as work:
        assert await work.executions.wake(LATER + 2 * HOUR, limit=10) == []
        assert await work.executions.next_due() is None

    assert await unpause(database, sleeping) == (Status.WAITING, Lane.NORMAL)
    shown = await find(database, sleeping)
    assert (shown.due_at, shown.wait_reason) == (LATER + HOUR, "delay")


async def test_a_wait_without_a_time_goes_on_too(database: SqlDatabase, sample: Sample) -> None:
    endless = await waiting(database, sample, due_in=None)
    await pause(database, endless)

    assert await unpause(database, endless) == (Status.WAITING, Lane.NORMAL)


async def test_a_wait_that_became_due_meanwhile_is_over(database: SqlDatabase, sample: Sample) -> None:
    sleeping = await waiting(database, sample, due_in=-timedelta(seconds=1))
    await pause(database, sleeping)

    assert await unpause(database, sleeping) == (Status.QUEUED, Lane.NORMAL)

    [claimed] = await claim(database, [sleeping])
    assert claimed.woken_at == LATER
    assert (await find(database, sleeping)).due_at is None


async def test_a_running_one_is_asked_and_its_checkpoints_change_nothing(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))

    assert await pause(database, claimed.id, claimed.id) == [Status.RUNNING, None]
    await save(database, [record(claimed, Status.RUNNING, steps=(step(),))])

    shown = await find(database, claimed.id)
    assert (shown.status, shown.owner, shown.pause_asked_at) == (Status.RUNNING, ME, LATER)
    async with database.read() as work:
        assert await work.executions.pausing(limit=10) == [claimed.id]


@pytest.mark.parametrize("handed_back_as", [Status.PAUSED, Status.WAITING])
async def test_whatever_its_owner_hands_back_rests_as_paused(
    database: SqlDatabase, sample: Sample, handed_back_as: Status
) -> None:
    """The owner may not have heard of the request."""
    [claimed] = await claim(database, await sample.start(database))
    await pause(database, claimed.id)

    await save(database, [record(claimed, handed_back_as, due_at=LATER + HOUR, wait_reason="delay", steps=(step(),))])

    shown = await find(database, claimed.id)
    assert (shown.status, shown.owner, shown.due_at) == (Status.PAUSED, None, LATER + HOUR)
    async with database.read() as work:
        assert await work.executions.pausing(limit=10) == []
    assert await unpause(database, claimed.id) == (Status.WAITING, Lane.NORMAL)


async def test_what_ends_before_it_could_pause_has_ended(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    await pause(database, claimed.id)

    await save(database, [record(claimed, Status.SUCCEEDED)])

    shown = await find(database, claimed.id)
    assert (shown.status, shown.pause_asked_at) == (Status.SUCCEEDED, None)
    assert await unpause(database, claimed.id) is None


@pytest.mark.parametrize(("reason", "then"), [(None, Status.QUEUED), ("delay", Status.WAITING)])
async def test_a_request_taken_back_before_its_owner_paused_leaves_nothing_paused(
    database: SqlDatabase, sample: Sample, reason: str | None, then: Status
) -> None:
    [claimed] = await claim(database, await sample.start(database))
    await pause(database, claimed.id)

    assert await unpause(database, claimed.id) == (Status.RUNNING, Lane.NORMAL)
    await save(database, [record(claimed, Status.PAUSED, wait_reason=reason)])

    assert await status_of(database, claimed.id) is then


async def test_of_a_dead_owner_only_those_that_nobody_asked_to_pause_are_queued(
    database: SqlDatabase, sample: Sample
) -> None:
    asked, other = await claim(database, await sample.start(database, 2))
    await pause(database, asked.id)

    async with database.write() as work:
        queued = await work.executions.requeue([ME], now=LATER, limit=10)
        await work.commit()

    assert [execution_id for execution_id, _ in queued] == [other.id]
    shown = await find(database, asked.id)
    assert (shown.status, shown.owner, shown.epoch) == (Status.PAUSED, None, asked.epoch + 1)
    assert await save(database, [record(asked, Status.SUCCEEDED)]) == set()
    assert await unpause(database, asked.id) == (Status.QUEUED, Lane.NORMAL)


async def test_a_claim_in_doubt_is_handed_back_as_paused_too(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    await pause(database, claimed.id)

    async with database.write() as work:
        await work.executions.hand_back([claimed.id], owner=ME)
        await work.commit()

    assert await status_of(database, claimed.id) is Status.PAUSED


async def test_a_paused_one_can_be_cancelled(database: SqlDatabase, sample: Sample) -> None:
    sleeping = await waiting(database, sample, due_in=HOUR)
    await pause(database, sleeping)

    async with database.write() as work:
        assert await work.executions.cancel(sleeping, now=LATER, reason="enough") is Status.PAUSED
        await work.commit()

    assert await status_of(database, sleeping) is Status.CANCELLED
    assert await unpause(database, sleeping) is None


async def test_what_failed_while_it_was_asked_to_pause_is_not_paused_when_it_is_revived(
    database: SqlDatabase, sample: Sample
) -> None:
    [claimed] = await claim(database, await sample.start(database))
    await pause(database, claimed.id)
    await save(database, [record(claimed, Status.FAILED)])

    async with database.write() as work:
        await work.executions.revive(claimed.id, now=LATER, deadline_at=LATER + HOUR)
        await work.commit()
    [again] = await claim(database, [claimed.id])
    await save(database, [record(again, Status.WAITING, due_at=LATER, wait_reason="delay")])

    assert await status_of(database, claimed.id) is Status.WAITING


async def test_what_has_ended_is_paused_or_unknown_does_not_change(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    database = databases[0]
    [claimed] = await claim(database, await sample.start(database))
    await save(database, [record(claimed, Status.SUCCEEDED)])
    [paused] = await sample.start(database)
    await pause(database, paused)

    ids = (claimed.id, paused, ExecutionId(new_id()), ExecutionId("no-id"))
    assert await pause(databases[1], *ids) == [None] * 4
    assert await unpause(database, claimed.id) is None
    assert await unpause(database, ExecutionId("no-id")) is None
