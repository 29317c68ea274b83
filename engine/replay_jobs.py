"""Replaying many executions as a job: what people order, and the service that does it bit by bit.

A job first writes down which executions it is about, and then replays them one by one, oldest first, at its rate. Each
replay and its mark in the job are one transaction, under the job's row: a crash, two schedulers, a pause or an abort
can never make one execution be replayed twice by a job, nor one more after it was stopped.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.audit import Act, audit
from engine.errors import Conflict, InvalidRequest, NotFound, PatchbayError, Unavailable
from engine.model.base import ExecutionId, ProjectId, new_id
from engine.model.execution import Execution
from engine.model.job import REPLAY, ItemState, Job, JobItem, JobStatus, ReplayPlan, plan_as_json
from engine.ports import Clock, Database, UnitOfWork
from engine.replay import Control
from engine.replay_choices import Choice
from engine.repositories import ExecutionFilter, Page
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

COLLECT = 200
"""How many executions one transaction writes down."""
BURST = 20
"""How many one pass replays at most."""
CATCH_UP = timedelta(seconds=1)
"""For how much lost time a job makes up: after a longer stop it goes on at its rate, not all at once."""
IDLE = timedelta(seconds=1)
LOOK_EVERY = timedelta(milliseconds=500)
"""How soon the outcomes of what is under way are looked at again."""
SAMPLE = 10
MOST = 100_000

_BAD = (ItemState.FAILED, ItemState.CANCELLED, ItemState.GONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a plan would replay: how many, counted up to its limit, and the newest of them."""

    count: int
    sample: Sequence[Execution]


class ReplayJobs:
    """People's acts on jobs. Each is one transaction with an audit row."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def preview(self, project: ProjectId, plan: ReplayPlan) -> Preview:
        """Say what a job would be about; nothing is changed. Raises InvalidRequest."""
        _check(plan)
        where = _where(plan, now=self._clock.now())
        async with self._database.read() as uow:
            count = await uow.executions.count(project, where, limit=plan.limit)
            sample = await uow.executions.list(project, where, Page(limit=min(SAMPLE, plan.limit)))
        return Preview(count=count, sample=sample)

    async def create(self, project: ProjectId, plan: ReplayPlan, *, actor: str) -> Job:
        """Order a job. Raises InvalidRequest: the plan makes no sense."""
        _check(plan)
        now = self._clock.now()
        job = Job(
            id=new_id(),
            project_id=project,
            kind=REPLAY,
            status=JobStatus.COLLECTING,
            plan=plan,
            created_at=now,
            created_by=actor,
            next_at=now,
            replay_at=now,
            proven=not plan.one_first,
        )
        async with self._database.write() as uow:
            await uow.jobs.add(job)
            await audit(
                uow, self._clock, Act(project, actor), "replay_job.create", target=job.id, details=plan_as_json(plan)
            )
            await uow.commit()
        return job

    async def pause(self, project: ProjectId, job_id: str, *, actor: str) -> None:
        """Replay nothing more until it is resumed; what runs goes on. Raises NotFound, Conflict."""
        async with self._database.write() as uow:
            job = await _locked(uow, project, job_id)
            if job.status.is_over or job.status is JobStatus.PAUSED:
                raise Conflict(f"the job is {job.status.value}")
            await uow.jobs.update(replace(job, status=JobStatus.PAUSED, reason=f"paused by {actor}"))
            await audit(uow, self._clock, Act(project, actor), "replay_job.pause", target=job_id)
            await uow.commit()

    async def resume(self, project: ProjectId, job_id: str, *, actor: str) -> None:
        """Go on; where no replay has succeeded yet and one has to, the next execution is the first one again.

        Raises:
            NotFound; Conflict: It is not paused.
        """
        async with self._database.write() as uow:
            job = await _locked(uow, project, job_id)
            if job.status is not JobStatus.PAUSED:
                raise Conflict(f"the job is {job.status.value}, not paused")
            status = JobStatus.RUNNING if job.collected else JobStatus.COLLECTING
            now = self._clock.now()
            await uow.jobs.update(
                replace(job, status=status, reason="", next_at=now, replay_at=max(job.replay_at, now))
            )
            await audit(uow, self._clock, Act(project, actor), "replay_job.resume", target=job_id)
            await uow.commit()

    async def abort(self, project: ProjectId, job_id: str, *, actor: str) -> None:
        """Replay nothing more, for good; what was replayed runs on. Raises NotFound, Conflict: it is over."""
        async with self._database.write() as uow:
            job = await _locked(uow, project, job_id)
            if job.status.is_over:
                raise Conflict(f"the job is {job.status.value} already")
            now = self._clock.now()
            await uow.jobs.update(replace(job, status=JobStatus.ABORTED, reason=f"aborted by {actor}", next_at=now))
            await audit(uow, self._clock, Act(project, actor), "replay_job.abort", target=job_id)
            await uow.commit()


class ReplayRunner:
    """Does the jobs, one step of one job at a time. Two at once do no harm."""

    name = "replay_jobs"

    def __init__(self, database: Database, control: Control, clock: Clock) -> None:
        self._database = database
        self._control = control
        self._clock = clock

    async def tick(self) -> timedelta:
        """Take the job that is due, write down how far it is, and replay what its rate allows."""
        now = self._clock.now()
        async with self._database.read() as uow:
            next_at = await uow.jobs.next_at()
        if next_at is None or next_at > now:
            return IDLE if next_at is None else min(next_at - now, IDLE)
        async with self._database.write() as uow:
            job = await uow.jobs.take(now)
            if job is None:  # another scheduler has it
                return LOOK_EVERY
            collecting = job.status is JobStatus.COLLECTING
            changed, ids = (await _collect(uow, job, now), ()) if collecting else await _look(uow, job, now)
            await uow.jobs.update(changed)
            await uow.commit()
        for execution_id in ids:
            await self._replay(changed, execution_id)
        return AT_ONCE

    async def _replay(self, job: Job, execution_id: ExecutionId) -> None:
        plan = job.plan
        act = Act(job.project_id, job.created_by)
        choice = Choice(begin=plan.begin, published=plan.published)
        try:
            async with self._database.write() as uow:
                if not await _still_runs(uow, job):
                    return
                ready = await self._control.replay_in(
                    uow, act, execution_id, choice, once=not plan.handled, details={"job": job.id}
                )
                item = JobItem(
                    execution_id=execution_id,
                    state=ItemState.STARTED,
                    replayed_as=ready.id,
                    started_at=self._clock.now(),
                )
                if not await uow.jobs.settle(job.id, item):  # another scheduler has done it
                    return
                await uow.commit()
        except Unavailable:
            raise
        except (PatchbayError, ValueError, LookupError) as exc:  # one odd history must not stop the others
            await self._skip(job, execution_id, str(exc))
            return
        self._control.tell([ready])

    async def _skip(self, job: Job, execution_id: ExecutionId, reason: str) -> None:
        now = self._clock.now()
        item = JobItem(execution_id=execution_id, state=ItemState.SKIPPED, finished_at=now, reason=reason[:500])
        async with self._database.write() as uow:
            await uow.jobs.settle(job.id, item)
            await uow.commit()


async def _collect(uow: UnitOfWork, job: Job, now: datetime) -> Job:
    """Write down one page of executions, newest first."""
    known = (await uow.jobs.progress(job.id)).count()
    page = Page(limit=min(COLLECT, job.plan.limit - known), after=job.after)
    ids = await uow.executions.matching(job.project_id, _where(job.plan, now=job.created_at), page)
    await uow.jobs.add_items(job, ids)
    if len(ids) == COLLECT and known + len(ids) < job.plan.limit:
        return replace(job, after=ids[-1], next_at=now)
    log.info("replay job collected", extra={"job_id": job.id, "count": known + len(ids)})
    return replace(job, collected=True, status=JobStatus.RUNNING, next_at=now, replay_at=now)


async def _look(uow: UnitOfWork, job: Job, now: datetime) -> tuple[Job, Sequence[ExecutionId]]:
    """Note what ended, and say what to replay now and when to look again."""
    ended = await uow.jobs.watch(job.id, now=now, limit=1000)
    progress = await uow.jobs.progress(job.id)
    started = progress.count(ItemState.STARTED)
    if not job.proven and progress.count(ItemState.SUCCEEDED) > 0:
        job = replace(job, proven=True, replay_at=now)
    if job.status in (JobStatus.PAUSED, JobStatus.ABORTED):
        over = job.status is JobStatus.ABORTED and not started
        return replace(job, next_at=now + IDLE, finished_at=now if over else None), ()
    if not job.proven and any(state in _BAD for state in ended):
        reason = f"the first one did not succeed: {next(state.value for state in ended if state in _BAD)}"
        return replace(job, status=JobStatus.PAUSED, reason=reason, next_at=now + IDLE), ()
    if not job.proven and started:
        return replace(job, next_at=now + LOOK_EVERY), ()
    if progress.count(ItemState.PENDING) == 0:
        if started:
            return replace(job, status=JobStatus.WATCHING, next_at=now + IDLE), ()
        return replace(job, status=JobStatus.FINISHED, finished_at=now, next_at=now), ()
    number, replay_at = _due(job, now)
    ids = await uow.jobs.pending(job.id, limit=number)
    looks = (replay_at, now + LOOK_EVERY) if started or ids else (replay_at,)
    return replace(job, replay_at=replay_at, next_at=min(looks)), ids


def _due(job: Job, now: datetime) -> tuple[int, datetime]:
    """How many replays the rate allows now, and when the next one may begin."""
    if not job.proven:
        return 1, now + LOOK_EVERY
    begun = max(job.replay_at, now - CATCH_UP)
    if begun > now:
        return 0, begun
    number = min(BURST, (now - begun) // job.plan.every + 1)
    return number, begun + number * job.plan.every


async def _still_runs(uow: UnitOfWork, job: Job) -> bool:
    """Hold the job's row, so that nobody stops it before the replay is committed."""
    found = await uow.jobs.find(job.project_id, job.id, lock=True)
    return found is not None and found.status is JobStatus.RUNNING


async def _locked(uow: UnitOfWork, project: ProjectId, job_id: str) -> Job:
    job = await uow.jobs.find(project, job_id, lock=True)
    if job is None:
        raise NotFound(f'there is no replay job "{job_id}"')
    return job


def _check(plan: ReplayPlan) -> None:
    Choice(begin=plan.begin, published=plan.published).check()
    if not plan.statuses or not all(status.is_final for status in plan.statuses):
        raise InvalidRequest("only executions that have ended can be replayed: failed, succeeded or cancelled")
    if not 1 <= plan.limit <= MOST:
        raise InvalidRequest(f"a job is about 1 to {MOST} executions, not {plan.limit}")


def _where(plan: ReplayPlan, *, now: datetime) -> ExecutionFilter:
    """What was made after ``now`` is not meant: the job's own replays would be among it."""
    return ExecutionFilter(
        workflow_id=plan.workflow_id,
        statuses=plan.statuses,
        since=plan.since,
        until=now if plan.until is None else min(plan.until, now),
        text=plan.text,
        code=plan.code,
        fingerprint=plan.fingerprint,
        unresolved=not plan.handled,
        roots=True,
    )
