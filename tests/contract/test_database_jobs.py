"""What every database must do about jobs and the executions they are about."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutionId, new_id
from engine.model.execution import DeadLetter, Failure, Status
from engine.model.job import REPLAY, ItemState, Job, JobItem, JobStatus, ReplayPlan, plan_as_json, plan_of_json
from engine.repositories import ExecutionFilter, Page
from tests.contract.database_kits import LATER, OTHER_PROJECT, PROJECT, Sample, claim, record, save
from tests.fakes import START

pytestmark = pytest.mark.contract

HOUR = timedelta(hours=1)
EVERYTHING = ReplayPlan(
    workflow_id=None, statuses=frozenset({Status.FAILED, Status.CANCELLED}), since=START, until=LATER, code="x",
    fingerprint="f", text="t", handled=True, begin="start", published=True, one_first=False, every=HOUR, limit=7,
)  # fmt: skip


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


def job(**changes: object) -> Job:
    whole = Job(
        id=new_id(), project_id=PROJECT, kind=REPLAY, status=JobStatus.RUNNING, plan=ReplayPlan(),
        created_at=START, created_by="key:ann", next_at=LATER, replay_at=LATER,
    )  # fmt: skip
    return replace(whole, **changes)  # type: ignore[arg-type]  # the test names fields of a job


async def add(database: SqlDatabase, *jobs: Job) -> None:
    async with database.write() as work:
        for each in jobs:
            await work.jobs.add(each)
        await work.commit()


async def failed(database: SqlDatabase, sample: Sample, code: str = "x", *, letter: str | None = "open") -> ExecutionId:
    """An execution that failed, with a dead letter in some state."""
    [claimed] = await claim(database, await sample.start(database))
    dead = DeadLetter(
        id=new_id(), project_id=PROJECT, workflow_id=sample.workflow_id, execution_id=claimed.id, step=None,
        code=code, message="m", fingerprint=f"print of {code}", created_at=LATER, state=letter or "",
    )  # fmt: skip
    error = Failure(code=code, message='a "quoted" code":"x')
    await save(database, [record(claimed, Status.FAILED, error=error, dead_letter=dead if letter else None)])
    return claimed.id


def test_a_plan_is_the_same_after_it_was_stored() -> None:
    for plan in (ReplayPlan(), EVERYTHING):
        assert plan_of_json(plan_as_json(plan)) == plan


async def test_a_job_is_stored_changed_and_listed_by_project(database: SqlDatabase) -> None:
    first, second = job(plan=EVERYTHING), job()
    await add(database, first, second, job(project_id=OTHER_PROJECT))
    changed = replace(
        first, status=JobStatus.PAUSED, reason="why", after=new_id(), collected=True, proven=True, replay_at=START
    )

    async with database.write() as work:
        await work.jobs.update(changed)
        assert await work.jobs.find(PROJECT, first.id, lock=True) == changed
        assert await work.jobs.find(OTHER_PROJECT, first.id) is None
        assert await work.jobs.find(PROJECT, "no-id") is None
        assert await work.jobs.list(PROJECT, Page(limit=1)) == [second]
        assert await work.jobs.list(PROJECT, Page(limit=1, after=second.id)) == [changed]


async def test_the_unfinished_job_that_is_due_first_is_taken_by_one(databases: Sequence[SqlDatabase]) -> None:
    later, done = job(next_at=LATER + HOUR), job(finished_at=LATER)
    due = job()
    await add(databases[0], later, done, due)
    taken: list[str | None] = []

    async def take(database: SqlDatabase) -> None:
        async with database.write() as work:
            found = await work.jobs.take(LATER)
            taken.append(None if found is None else found.id)
            if found is not None:
                await asyncio.sleep(0.01)
                await work.jobs.update(replace(found, next_at=LATER + 2 * HOUR))
            await work.commit()

    async with databases[0].read() as work:
        assert await work.jobs.next_at() == LATER
    await asyncio.gather(*(take(database) for database in databases))

    assert sorted(taken, key=str) == sorted([None, due.id], key=str)
    async with databases[0].read() as work:
        assert await work.jobs.next_at() == LATER + HOUR


async def test_an_item_is_settled_once_and_counted(database: SqlDatabase) -> None:
    whole = job()
    await add(database, whole)
    ids = sorted(ExecutionId(new_id()) for _ in range(3))
    begun = JobItem(execution_id=ids[0], state=ItemState.STARTED, replayed_as=ids[2], started_at=LATER)

    async with database.write() as work:
        await work.jobs.add_items(whole, ids[:2])
        await work.jobs.add_items(whole, ids)
        await work.jobs.add_items(whole, [])
        settled = [await work.jobs.settle(whole.id, begun) for _ in range(2)]
        await work.commit()

    async with database.read() as work:
        assert settled == [True, False]
        assert await work.jobs.pending(whole.id, limit=1) == [ids[1]]
        assert dict((await work.jobs.progress(whole.id)).by_state) == {ItemState.PENDING: 2, ItemState.STARTED: 1}
        assert await work.jobs.items(whole.id, Page(), state=ItemState.STARTED) == [begun]
        assert [each.execution_id for each in await work.jobs.items(whole.id, Page(limit=2))] == ids[:0:-1]
        assert await work.jobs.items(new_id(), Page()) == []


async def test_how_started_items_ended_is_written_down(database: SqlDatabase, sample: Sample) -> None:
    whole = job()
    await add(database, whole)
    good, running = await claim(database, await sample.start(database, 2))
    bad = await failed(database, sample)
    await save(database, [record(good, Status.SUCCEEDED)])
    ran = [good.id, bad, running.id, ExecutionId(new_id())]
    async with database.write() as work:
        await work.jobs.add_items(whole, ran)
        for each in ran:
            item = JobItem(execution_id=each, state=ItemState.STARTED, replayed_as=each, started_at=LATER)
            await work.jobs.settle(whole.id, item)

        ended = await work.jobs.watch(whole.id, now=LATER + HOUR, limit=10)

        items = {each.execution_id: each for each in await work.jobs.items(whole.id, Page())}
        assert sorted(ended) == ["failed", "gone", "succeeded"]
        assert [items[each].state for each in ran] == ["succeeded", "failed", "started", "gone"]
        assert [items[each].finished_at for each in ran[:3]] == [LATER + HOUR, LATER + HOUR, None]
        assert await work.jobs.watch(whole.id, now=LATER, limit=10) == []


async def test_old_jobs_go_in_parts_with_their_items(database: SqlDatabase) -> None:
    old, fresh = job(finished_at=START), job(finished_at=LATER)
    await add(database, old, fresh, job())
    async with database.write() as work:
        for each in (old, fresh):
            await work.jobs.add_items(each, [ExecutionId(new_id()) for _ in range(3)])
        assert await work.jobs.has_old(before=LATER)
        went = [await work.jobs.prune(before=LATER, limit=2) for _ in range(3)]
        assert not await work.jobs.has_old(before=LATER)
        await work.commit()

    async with database.read() as work:
        assert went == [2, 2, 0]
        assert await work.jobs.find(PROJECT, old.id) is None
        assert (await work.jobs.progress(old.id)).count() == 0
        assert (await work.jobs.progress(fresh.id)).count() == 3


async def test_executions_are_found_by_what_went_wrong_and_what_was_done_about_it(
    database: SqlDatabase, sample: Sample
) -> None:
    broken, other = await failed(database, sample), await failed(database, sample, "xy")
    replayed, silent = await failed(database, sample, letter="replayed"), await failed(database, sample, letter=None)
    [good] = await claim(database, await sample.start(database))
    await save(database, [record(good, Status.SUCCEEDED, output={"code": "x"})])

    async def found(**where: object) -> set[ExecutionId]:
        asked = ExecutionFilter(workflow_id=sample.workflow_id, **where)  # type: ignore[arg-type]  # named by the test
        async with database.read() as work:
            ids = await work.executions.matching(PROJECT, asked, Page(limit=100))
            assert await work.executions.count(PROJECT, asked, limit=100) == len(ids)
            assert await work.executions.count(PROJECT, asked, limit=1) == min(len(ids), 1)
            assert await work.executions.matching(OTHER_PROJECT, asked, Page()) == []
        return set(ids)

    assert await found(code="x") == {broken, replayed, silent}
    assert await found(fingerprint="print of x") == {broken}
    assert await found(unresolved=True) == {broken, other, good.id}
    assert await found(roots=True) == {broken, other, replayed, silent, good.id}
    assert await found(code="%") == set()
