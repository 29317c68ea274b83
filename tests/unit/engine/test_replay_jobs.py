"""A replay job does what was ordered, one first, at its rate, and never one execution twice."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from engine.errors import Conflict, InvalidRequest, NotFound
from engine.model.base import DEFAULT_PROJECT, ExecutionId, new_id
from engine.model.execution import Status
from engine.model.job import ItemState, Job, JobItem, JobStatus, ReplayPlan
from engine.model.workflow import Workflow
from engine.replay_choices import Choice
from engine.replay_jobs import BURST, COLLECT, ReplayJobs, ReplayRunner
from engine.repositories import ExecutionFilter, Page
from tests.fakes import FakeClock
from tests.unit.engine.hub import ACTOR, Parts
from tests.unit.engine.test_control import TEXT, claim, fail, record

SECOND = timedelta(seconds=1)
SLOW = ReplayPlan(every=SECOND)


@dataclass
class Bench:
    parts: Parts
    clock: FakeClock

    def __post_init__(self) -> None:
        self.jobs = ReplayJobs(self.parts.database, self.clock)
        self.runner = self.another_runner()

    def another_runner(self) -> ReplayRunner:
        return ReplayRunner(self.parts.database, self.parts.control, self.clock)

    async def broken(self, count: int = 1, *, workflow: Workflow | None = None) -> list[ExecutionId]:
        """Executions that failed, oldest first."""
        known = workflow or await self.parts.publish(TEXT)
        trigger = await self.parts.trigger(known, "hook")
        ids = []
        for _ in range(count):
            receipt = await self.parts.intake.accept(self.parts.event(trigger))
            assert receipt.execution_id is not None
            await fail(self.parts, receipt.execution_id)
            ids.append(receipt.execution_id)
        self.clock.advance(SECOND)
        return ids

    async def order(self, plan: ReplayPlan = SLOW) -> str:
        job = await self.jobs.create(DEFAULT_PROJECT, plan, actor=ACTOR)
        return job.id

    async def tick(self, times: int = 1, *, runner: ReplayRunner | None = None) -> None:
        """So many passes that come one after the other as soon as there is something to do."""
        for _ in range(times):
            wait = await (runner or self.runner).tick()
            self.clock.advance(wait)

    async def collected(self, plan: ReplayPlan = SLOW) -> str:
        """Order a job and let it write down what it is about."""
        job_id = await self.order(plan)
        while not (await self.job(job_id)).collected:
            await self.runner.tick()
        return job_id

    async def job(self, job_id: str) -> Job:
        async with self.parts.database.read() as uow:
            job = await uow.jobs.find(DEFAULT_PROJECT, job_id)
        assert job is not None
        return job

    async def items(self, job_id: str) -> dict[ExecutionId, JobItem]:
        async with self.parts.database.read() as uow:
            found = await uow.jobs.items(job_id, Page(limit=200))
        return {item.execution_id: item for item in found}

    async def states(self, job_id: str) -> list[str]:
        """Of all its executions, oldest first."""
        items = await self.items(job_id)
        return [items[each].state.value for each in sorted(items)]

    async def end(self, execution_id: ExecutionId, status: Status = Status.SUCCEEDED) -> None:
        (claimed,) = await claim(self.parts, execution_id)
        assert await record(self.parts, claimed, status)

    async def statuses(self, ids: list[ExecutionId]) -> list[Status]:
        async with self.parts.database.read() as uow:
            found = [await uow.executions.outcome(each) for each in ids]
        return [each.status for each in found if each is not None]


@pytest.fixture
def bench(parts: Parts, clock: FakeClock) -> Bench:
    return Bench(parts, clock)


async def test_a_preview_counts_and_shows_and_changes_nothing(bench: Bench) -> None:
    ids = await bench.broken(3)

    found = await bench.jobs.preview(DEFAULT_PROJECT, SLOW)
    few = await bench.jobs.preview(DEFAULT_PROJECT, ReplayPlan(limit=2))
    none = await bench.jobs.preview(DEFAULT_PROJECT, ReplayPlan(code="another"))

    assert (found.count, [each.id for each in found.sample]) == (3, ids[::-1])
    assert (few.count, len(few.sample), none.count) == (2, 2, 0)
    assert await bench.statuses(ids) == [Status.FAILED] * 3


async def test_one_goes_first_and_the_others_follow_at_the_rate_once_it_succeeded(bench: Bench) -> None:
    ids = await bench.broken(4)
    job_id = await bench.collected()

    await bench.tick(4)
    assert await bench.states(job_id) == ["started", "pending", "pending", "pending"]
    await bench.end(ids[0])
    await bench.tick()
    assert await bench.states(job_id) == ["succeeded", "started", "pending", "pending"]
    bench.clock.advance(SECOND)
    await bench.runner.tick()
    assert await bench.states(job_id) == ["succeeded", "started", "started", "pending"]
    bench.clock.advance(SECOND)
    await bench.runner.tick()
    for each in ids[1:]:
        await bench.end(each)
    await bench.tick(5)

    job = await bench.job(job_id)
    assert (job.status, job.proven, job.finished_at is not None) == (JobStatus.FINISHED, True, True)
    assert await bench.states(job_id) == ["succeeded"] * 4


async def test_where_the_first_one_fails_again_the_job_stops_and_resumed_tries_the_next_one_first(
    bench: Bench,
) -> None:
    ids = await bench.broken(3)
    job_id = await bench.collected()
    await bench.tick()
    await bench.end(ids[0], Status.FAILED)

    await bench.tick(3)

    job = await bench.job(job_id)
    assert (job.status, job.reason) == (JobStatus.PAUSED, "the first one did not succeed: failed")
    assert await bench.states(job_id) == ["failed", "pending", "pending"]
    await bench.jobs.resume(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.tick(3)
    assert await bench.states(job_id) == ["failed", "started", "pending"]


async def test_from_start_new_executions_run_and_the_items_say_which(bench: Bench) -> None:
    ids = await bench.broken(2)
    job_id = await bench.collected(ReplayPlan(begin="start", one_first=False, every=SECOND / 100))

    bench.clock.advance(SECOND)
    await bench.tick()

    items = await bench.items(job_id)
    fresh = [items[each].replayed_as for each in ids]
    assert not {*fresh} & {*ids, None}
    assert await bench.statuses(ids) == [Status.FAILED] * 2
    async with bench.parts.database.read() as uow:
        reruns = await uow.executions.list(
            DEFAULT_PROJECT, ExecutionFilter(statuses=frozenset({Status.QUEUED})), Page()
        )
        entries = await uow.access.audit_entries(DEFAULT_PROJECT, Page(limit=2))
    assert {each.id: each.rerun_of for each in reruns} == dict(zip(fresh, ids, strict=True))
    assert [entry.details["job"] for entry in entries] == [job_id] * 2


async def test_no_more_follow_at_once_than_the_rate_allows_also_after_a_long_stop(bench: Bench) -> None:
    await bench.broken(30)
    job_id = await bench.collected(ReplayPlan(one_first=False, every=SECOND / 10))

    bench.clock.advance(timedelta(hours=1))
    await bench.runner.tick()

    assert (await bench.states(job_id)).count("started") == 11
    bench.clock.advance(SECOND / 2)
    await bench.runner.tick()
    assert (await bench.states(job_id)).count("started") == 16


async def test_one_pass_never_replays_more_than_a_burst(bench: Bench) -> None:
    await bench.broken(BURST + 5)
    job_id = await bench.collected(ReplayPlan(one_first=False, every=timedelta(milliseconds=1)))

    bench.clock.advance(SECOND)
    await bench.runner.tick()

    assert (await bench.states(job_id)).count("started") == BURST


async def test_two_schedulers_at_once_replay_each_once(bench: Bench) -> None:
    ids = await bench.broken(8)
    job_id = await bench.collected(ReplayPlan(begin="start", one_first=False, every=SECOND / 100))
    bench.clock.advance(SECOND)

    for _ in range(3):
        await asyncio.gather(*(bench.another_runner().tick() for _ in range(3)))
        bench.clock.advance(SECOND)

    async with bench.parts.database.read() as uow:
        found = await uow.executions.list(DEFAULT_PROJECT, ExecutionFilter(), Page(limit=200))
    reruns = [each.rerun_of for each in found if each.rerun_of is not None]
    assert sorted(reruns) == sorted(ids)
    assert await bench.states(job_id) == ["started"] * 8


async def test_what_somebody_dealt_with_meanwhile_is_skipped_with_the_reason(bench: Bench) -> None:
    ids = await bench.broken(3)
    job_id = await bench.collected(ReplayPlan(begin="start", one_first=False, every=SECOND / 100))
    await bench.parts.control.replay_execution(DEFAULT_PROJECT, ids[0], Choice(begin="start"), actor=ACTOR)
    async with bench.parts.database.write() as uow:
        await uow.executions.delete([ids[1]])
        await uow.commit()

    bench.clock.advance(SECOND)
    await bench.tick()

    items = await bench.items(job_id)
    assert [items[each].state for each in ids] == [ItemState.SKIPPED, ItemState.SKIPPED, ItemState.STARTED]
    assert items[ids[0]].reason == "somebody dealt with its dead letter already"
    assert "there is no execution" in items[ids[1]].reason


async def test_those_dealt_with_before_are_left_out_unless_asked_for(bench: Bench) -> None:
    first, second = await bench.broken(2)
    await bench.parts.control.replay_execution(DEFAULT_PROJECT, first, Choice(begin="start"), actor=ACTOR)

    usual = await bench.jobs.preview(DEFAULT_PROJECT, SLOW)
    all_of_them = await bench.jobs.preview(DEFAULT_PROJECT, ReplayPlan(handled=True, begin="start"))

    assert [each.id for each in usual.sample] == [second]
    assert all_of_them.count == 2


async def test_a_paused_job_replays_nothing_and_an_aborted_one_never_again(bench: Bench) -> None:
    ids = await bench.broken(3)
    job_id = await bench.collected(ReplayPlan(one_first=False, every=SECOND))
    await bench.runner.tick()
    await bench.jobs.pause(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.tick(5)
    assert await bench.states(job_id) == ["started", "pending", "pending"]

    await bench.jobs.resume(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.runner.tick()
    assert await bench.states(job_id) == ["started", "started", "pending"]
    await bench.jobs.abort(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.end(ids[0])
    await bench.tick(5)
    assert (await bench.job(job_id)).finished_at is None, "one of them runs still"
    await bench.end(ids[1], Status.CANCELLED)
    await bench.tick(5)

    job = await bench.job(job_id)
    assert (job.status, job.finished_at is not None) == (JobStatus.ABORTED, True)
    assert await bench.states(job_id) == ["succeeded", "cancelled", "pending"]


async def test_much_is_collected_in_several_transactions_and_its_own_replays_are_not_among_it(bench: Bench) -> None:
    await bench.broken(COLLECT + 5)
    job_id = await bench.order(ReplayPlan(begin="start", one_first=False))
    newer = await bench.broken(1, workflow=await bench.parts.publish(TEXT.replace("orders", "others")))

    await bench.runner.tick()
    first = await bench.job(job_id)
    await bench.runner.tick()
    second = await bench.job(job_id)

    assert (first.status, second.status) == (JobStatus.COLLECTING, JobStatus.RUNNING)
    async with bench.parts.database.read() as uow:
        assert (await uow.jobs.progress(job_id)).count() == COLLECT + 5
        assert newer[0] not in await uow.jobs.pending(job_id, limit=COLLECT * 2)


async def test_a_limit_takes_the_newest(bench: Bench) -> None:
    ids = await bench.broken(4)

    job_id = await bench.collected(ReplayPlan(limit=2))

    assert sorted(await bench.items(job_id)) == ids[2:]


async def test_a_job_about_nothing_is_finished_at_once(bench: Bench) -> None:
    job_id = await bench.collected()

    await bench.tick(2)

    assert (await bench.job(job_id)).status is JobStatus.FINISHED
    assert await bench.runner.tick() == SECOND


async def test_acts_that_make_no_sense_are_refused(bench: Bench) -> None:
    job_id = await bench.collected()
    with pytest.raises(Conflict, match="not paused"):
        await bench.jobs.resume(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.jobs.pause(DEFAULT_PROJECT, job_id, actor=ACTOR)
    with pytest.raises(Conflict, match="is paused"):
        await bench.jobs.pause(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.jobs.abort(DEFAULT_PROJECT, job_id, actor=ACTOR)
    with pytest.raises(Conflict, match="aborted already"):
        await bench.jobs.abort(DEFAULT_PROJECT, job_id, actor=ACTOR)
    with pytest.raises(NotFound):
        await bench.jobs.abort(DEFAULT_PROJECT, new_id(), actor=ACTOR)
    for plan in (
        ReplayPlan(published=True),
        ReplayPlan(statuses=frozenset({Status.RUNNING})),
        ReplayPlan(statuses=frozenset()),
        ReplayPlan(limit=0),
    ):
        with pytest.raises(InvalidRequest):
            await bench.jobs.create(DEFAULT_PROJECT, plan, actor=ACTOR)


async def test_every_act_is_remembered(bench: Bench) -> None:
    job_id = await bench.collected()
    await bench.jobs.pause(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.jobs.resume(DEFAULT_PROJECT, job_id, actor=ACTOR)
    await bench.jobs.abort(DEFAULT_PROJECT, job_id, actor=ACTOR)

    async with bench.parts.database.read() as uow:
        entries = await uow.access.audit_entries(DEFAULT_PROJECT, Page(limit=4))
    acts = [(entry.action, entry.target, entry.actor) for entry in entries]
    assert acts == [(f"replay_job.{act}", job_id, ACTOR) for act in ("abort", "resume", "pause", "create")]
