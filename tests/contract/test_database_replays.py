"""What every database must do for replays: steps that are taken over, edited events, dead letters of an execution."""

from dataclasses import replace

import pytest

from db.session import SqlDatabase
from engine.model.base import EventId, ExecutionId, new_id
from engine.model.execution import DeadLetter, Status
from engine.repositories import Page
from tests.contract.database_kits import LATER, PROJECT, Sample, claim, record, save, step

pytestmark = pytest.mark.contract


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def test_the_first_owner_gets_the_steps_that_were_taken_over(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event()
    old = sample.execution(event)
    fresh = replace(old, id=ExecutionId(new_id()), rerun_of=old.id)
    steps = (step("a", output={"n": 1}), step("b", seq=2, ports=("true",)))

    async with database.write() as work:
        await work.events.insert([event])
        await work.executions.insert([old, fresh])
        await work.executions.take_over(fresh, steps)
        await work.commit()

    claimed = await claim(database, [old.id, fresh.id])
    assert [one.steps for one in claimed] == [(), steps]


async def test_nothing_taken_over_is_no_step(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event()
    execution = sample.execution(event)

    async with database.write() as work:
        await work.events.insert([event])
        await work.executions.insert([execution])
        await work.executions.take_over(execution, ())
        await work.commit()

    assert [one.steps for one in await claim(database, [execution.id])] == [()]


async def test_an_edited_event_counts_nowhere_and_goes_with_its_rerun(database: SqlDatabase, sample: Sample) -> None:
    first = sample.event()
    edited = replace(first, id=EventId(new_id()), data={"amount": 1}, execution_id=None)
    old = sample.execution(first)
    fresh = replace(old, id=ExecutionId(new_id()), event_id=edited.id, rerun_of=old.id)
    async with database.write() as work:
        await work.events.insert([first, edited])
        await work.executions.insert([old, fresh])
        await work.commit()
    (claimed,) = await claim(database, [fresh.id])
    await save(database, [record(claimed, Status.SUCCEEDED)])

    async with database.write() as work:
        balance = await work.executions.balance(sample.trigger_id)
        expired = await work.events.expired(sample.workflow_id, before=LATER, limit=10)
        await work.executions.delete([fresh.id])
        left = [await work.events.find(PROJECT, one.id) for one in (edited, first)]

    assert claimed.data == {"amount": 1}
    assert (balance.accepted, sum(balance.by_status.values())) == (1, 1)
    assert list(expired) == []
    assert left == [None, first]


async def test_the_open_dead_letter_of_an_execution_is_resolved_and_no_other(
    database: SqlDatabase, sample: Sample
) -> None:
    one, other = await sample.start(database, 2)
    letters = [
        DeadLetter(
            id=new_id(),
            project_id=PROJECT,
            workflow_id=sample.workflow_id,
            execution_id=execution,
            step="a",
            code="x",
            message="x",
            fingerprint="f",
            created_at=LATER,
            state=state,
        )
        for execution, state in ((one, "open"), (one, "discarded"), (other, "open"))
    ]

    async with database.write() as work:
        await work.dead_letters.add(letters)
        await work.dead_letters.resolve_of(one, state="replayed", by="key:ann", now=LATER)
        await work.commit()

    async with database.read() as work:
        found = {letter.id: letter for letter in await work.dead_letters.list(PROJECT, Page())}
    assert [found[letter.id].state for letter in letters] == ["replayed", "discarded", "open"]
    assert (found[letters[0].id].resolved_by, found[letters[0].id].resolved_at) == ("key:ann", LATER)
