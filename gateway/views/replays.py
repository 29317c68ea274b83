"""Replay jobs: the plan, how far it is, and what became of each execution."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from engine.model.execution import Status
from engine.model.job import ItemState, Job, JobItem, JobStatus, Progress
from engine.replay_jobs import Preview
from gateway.views.executions import ExecutionView, execution_view


class ReplayPlanView(Struct, frozen=True, kw_only=True, rename={"begin": "from"}):
    """Which executions a job replays, and how. ``every_ms`` is the time between two replays."""

    workflow_id: str | None
    status: list[Status]
    since: datetime | None
    until: datetime | None
    code: str | None
    fingerprint: str | None
    text: str | None
    handled: bool
    begin: str
    version: Literal["same", "published"]
    one_first: bool
    every_ms: int
    limit: int


class ReplayProgress(Struct, frozen=True, kw_only=True):
    """How many executions of a job stand where; ``total`` grows while they are being collected."""

    total: int
    pending: int
    started: int
    succeeded: int
    failed: int
    cancelled: int
    skipped: int
    gone: int


class ReplayJobView(Struct, frozen=True, kw_only=True):
    """A replay job. ``reason`` says why it is paused or aborted."""

    id: str
    status: JobStatus
    reason: str
    created_at: datetime
    created_by: str
    finished_at: datetime | None
    plan: ReplayPlanView
    progress: ReplayProgress


class ReplayJobPage(Struct, frozen=True, kw_only=True):
    """Replay jobs, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[ReplayJobView]
    next: str | None


class ReplayItemView(Struct, frozen=True, kw_only=True):
    """What became of one execution: ``replayed_as`` ran, ``reason`` says why it was skipped."""

    execution_id: str
    state: ItemState
    replayed_as: str | None
    started_at: datetime | None
    finished_at: datetime | None
    reason: str


class ReplayItemPage(Struct, frozen=True, kw_only=True):
    """Executions of a job, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[ReplayItemView]
    next: str | None


class ReplayPreview(Struct, frozen=True, kw_only=True):
    """What a job would be about: how many executions, counted up to its limit, and the newest of them."""

    count: int
    sample: list[ExecutionView]


def job_view(job: Job, progress: Progress) -> ReplayJobView:
    plan = job.plan
    return ReplayJobView(
        id=job.id,
        status=job.status,
        reason=job.reason,
        created_at=job.created_at,
        created_by=job.created_by,
        finished_at=job.finished_at,
        plan=ReplayPlanView(
            workflow_id=plan.workflow_id,
            status=sorted(plan.statuses),
            since=plan.since,
            until=plan.until,
            code=plan.code,
            fingerprint=plan.fingerprint,
            text=plan.text,
            handled=plan.handled,
            begin=plan.begin,
            version="published" if plan.published else "same",
            one_first=plan.one_first,
            every_ms=round(plan.every.total_seconds() * 1000),
            limit=plan.limit,
        ),
        progress=ReplayProgress(total=progress.count(), **{state.value: progress.count(state) for state in ItemState}),
    )


def item_view(item: JobItem) -> ReplayItemView:
    return ReplayItemView(**{name: getattr(item, name) for name in ReplayItemView.__struct_fields__})


def preview_view(preview: Preview) -> ReplayPreview:
    return ReplayPreview(count=preview.count, sample=[execution_view(each) for each in preview.sample])
