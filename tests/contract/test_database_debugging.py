"""What every database must do for people who debug executions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutionId, new_id
from engine.model.debugging import BREAKPOINT, Breakpoint, DebugPlan, When, mark_path
from engine.model.execution import Claimed, Note, Status, StepRecord
from engine.model.workflow import Lane
from engine.repositories.debugging import Debugged
from tests.contract.database_kits import LATER, Sample, claim, record, save, status_of, step

pytestmark = pytest.mark.contract

DEADLINE = LATER + timedelta(days=1)
PLAN = DebugPlan(
    breakpoints=(
        Breakpoint(node="charge", condition="input.total > 5 and vars.who == 'Zoë'"),
        Breakpoint(node="charge", when=When.AFTER),
    ),
    stepping=True,
    since=7,
)


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def debug(database: SqlDatabase, execution: ExecutionId, plan: DebugPlan = PLAN) -> None:
    async with database.write() as work:
        await work.executions.debug(execution, plan, deadline_at=DEADLINE)
        await work.commit()


async def standing(database: SqlDatabase, sample: Sample) -> Claimed:
    """One that stands at a breakpoint, with its stop recorded."""
    [queued] = await sample.start(database)
    await debug(database, queued)
    [claimed] = await claim(database, [queued])
    await save(database, [record(claimed, Status.PAUSED, wait_reason=BREAKPOINT, steps=(stop(),))])
    return claimed


def stop() -> StepRecord:
    return replace(step(), path=mark_path("charge", 1), node="charge", seq=1, note=Note.STOPPED, wait_reason="before")


async def test_the_plan_comes_with_the_claim_and_no_other_execution_has_one(
    database: SqlDatabase, sample: Sample
) -> None:
    debugged, other = await sample.start(database, count=2)
    await debug(database, debugged)

    claimed = {each.id: each for each in await claim(database, [debugged, other])}

    assert claimed[debugged].debug == PLAN
    assert claimed[debugged].deadline_at == DEADLINE
    assert claimed[other].debug is None


async def test_one_that_stops_is_paused_although_nobody_asked_it_to_pause(
    database: SqlDatabase, sample: Sample
) -> None:
    claimed = await standing(database, sample)

    assert await status_of(database, claimed.id) is Status.PAUSED


async def test_it_goes_back_to_its_queue_and_the_next_owner_gets_the_marks(
    database: SqlDatabase, sample: Sample
) -> None:
    claimed = await standing(database, sample)

    async with database.write() as work:
        back = await work.executions.unpause(claimed.id, now=LATER)
        await work.commit()

    assert back == (Status.QUEUED, Lane.NORMAL)
    [again] = await claim(database, [claimed.id])
    assert again.steps == (stop(),)
    assert again.woken_at == claimed.woken_at
    assert again.debug == PLAN


async def test_marks_set_before_a_first_claim_are_found_by_it(database: SqlDatabase, sample: Sample) -> None:
    [queued] = await sample.start(database)
    async with database.write() as work:
        await work.executions.debug(queued, PLAN, deadline_at=DEADLINE)
        found = await work.executions.outcome(queued)
        assert found is not None
        await work.executions.rewrite(queued, found.project_id, [stop()])
        await work.commit()

    [claimed] = await claim(database, [queued])

    assert claimed.steps == (stop(),)


async def test_what_is_told_of_one_is_its_plan_and_its_time(database: SqlDatabase, sample: Sample) -> None:
    debugged, other = await sample.start(database, count=2)
    await debug(database, debugged)

    async with database.write() as work:
        told = await work.executions.debugged(debugged, lock=True)
        nothing = await work.executions.debugged(other)
        unknown = await work.executions.debugged(ExecutionId(new_id()))
        await work.executions.debugged(ExecutionId("no id"))

    assert told == Debugged(plan=PLAN, deadline_at=DEADLINE)
    assert nothing is not None
    assert nothing.plan is None
    assert unknown is None


async def test_one_that_stands_can_be_cancelled(database: SqlDatabase, sample: Sample) -> None:
    claimed = await standing(database, sample)

    async with database.write() as work:
        had = await work.executions.cancel(claimed.id, now=LATER, reason="enough")
        await work.commit()

    assert had is Status.PAUSED
    assert await status_of(database, claimed.id) is Status.CANCELLED
