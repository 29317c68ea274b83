"""Replaying many executions as a job: preview it, order it, watch it, pause, resume and abort it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta

from engine.errors import NotFound
from engine.model.access import Scope
from engine.model.base import ProjectId
from engine.model.execution import Status
from engine.model.job import ItemState, ReplayPlan
from engine.replay_choices import FAILED
from engine.replay_jobs import MOST
from engine.repositories import Page
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, Instant, PageQuery, Query
from gateway.views.replays import (
    ReplayItemPage,
    ReplayJobPage,
    ReplayJobView,
    ReplayPreview,
    item_view,
    job_view,
    preview_view,
)

_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
Ended = Literal["failed", "succeeded", "cancelled"]
Step = Annotated[str, Meta(min_length=1, max_length=300, description="`start`, `failed` or the path of a step")]
Rate = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,2}/[smh]$", description="how many a second, minute or hour: `5/s`, `100/m`")
]


class ReplayOrder(Body, frozen=True, kw_only=True, rename={"begin": "from"}):
    """Which executions to replay, and how.

    ``since`` is inclusive, ``until`` is not; both mean the time of creation. ``handled`` takes also failed ones whose
    dead letter was replayed or discarded before. With ``one_first`` the others follow once one has succeeded.
    """

    workflow: Annotated[str, Meta(max_length=200, description="the id or name of a workflow")] | None = None
    status: Annotated[tuple[Ended, ...], Meta(min_length=1, max_length=3)] = ("failed",)
    since: Instant | None = None
    until: Instant | None = None
    code: Annotated[str, Meta(min_length=1, max_length=100, description="the error's code")] | None = None
    fingerprint: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    text: Annotated[str, Meta(min_length=1, max_length=200, description="in the output or the error")] | None = None
    handled: bool = False
    begin: Step = FAILED
    version: Literal["same", "published"] = "same"
    one_first: bool = True
    rate: Rate = "5/s"
    limit: Annotated[int, Meta(ge=1, le=MOST)] = 10_000


class ItemQuery(PageQuery, frozen=True, kw_only=True):
    """Which executions of a job to list; ``after`` is an execution's id."""

    state: ItemState | None = None


async def preview_replays(call: Call[Query, ReplayOrder]) -> ReplayPreview:
    """Say what a job would replay: a dry run.

    Nothing is changed. Executions that a step of another started are left out: they are replayed with it.
    """
    plan = await _plan(call)
    return preview_view(await call.hub.replay_jobs.preview(call.caller.project, plan))


async def create_replay(call: Call[Query, ReplayOrder]) -> ReplayJobView:
    """Replay many executions as a job.

    It writes down which ones, then replays them at its rate, oldest first, each at most once. Executions that are no
    longer in a state for it are skipped, with the reason.
    """
    plan = await _plan(call)
    job = await call.hub.replay_jobs.create(call.caller.project, plan, actor=call.caller.actor)
    call.headers["location"] = f"/api/v1/replays/{job.id}"
    return await _view(call, job.id)


async def list_replays(call: Call[PageQuery, None]) -> ReplayJobPage:
    """List replay jobs, newest first."""
    page = Page(limit=call.query.limit, after=call.query.after)
    async with call.hub.database.read() as uow:
        found = await uow.jobs.list(call.caller.project, page)
        items = [job_view(job, await uow.jobs.progress(job.id)) for job in found]
    return ReplayJobPage(items=items, next=found[-1].id if len(found) == page.limit else None)


async def get_replay(call: Call[Query, None]) -> ReplayJobView:
    """Get a replay job with its progress."""
    return await _view(call, call.id("replay"))


async def list_replay_items(call: Call[ItemQuery, None]) -> ReplayItemPage:
    """List what became of a job's executions."""
    query = call.query
    job = await _view(call, call.id("replay"))
    page = Page(limit=query.limit, after=query.after)
    async with call.hub.database.read() as uow:
        found = await uow.jobs.items(job.id, page, state=query.state)
    return ReplayItemPage(
        items=[item_view(item) for item in found],
        next=found[-1].execution_id if len(found) == page.limit else None,
    )


async def pause_replay(call: Call[Query, None]) -> ReplayJobView:
    """Replay nothing more until the job is resumed.

    What runs goes on.
    """
    return await _act(call, call.hub.replay_jobs.pause)


async def resume_replay(call: Call[Query, None]) -> ReplayJobView:
    """Let a paused job go on.

    Where one has to succeed first and none has, the next execution is the first one again.
    """
    return await _act(call, call.hub.replay_jobs.resume)


async def abort_replay(call: Call[Query, None]) -> ReplayJobView:
    """Replay nothing more, for good.

    What was replayed runs on, and its outcomes are still written down.
    """
    return await _act(call, call.hub.replay_jobs.abort)


async def _act(call: Call[Query, None], act: Callable[..., Awaitable[None]]) -> ReplayJobView:
    job_id = call.id("replay")
    await act(call.caller.project, job_id, actor=call.caller.actor)
    return await _view(call, job_id)


async def _view(call: Call[Any, Any], job_id: str) -> ReplayJobView:
    project: ProjectId = call.caller.project
    async with call.hub.database.read() as uow:
        job = await uow.jobs.find(project, job_id)
        if job is None:
            raise NotFound(f'there is no replay job "{job_id}"')
        return job_view(job, await uow.jobs.progress(job_id))


async def _plan(call: Call[Query, ReplayOrder]) -> ReplayPlan:
    order = call.body
    workflow_id = None
    if order.workflow is not None:
        async with call.hub.database.read() as uow:
            workflow_id = (await uow.workflows.get(call.caller.project, order.workflow)).id
    number, _, unit = order.rate.partition("/")
    return ReplayPlan(
        workflow_id=workflow_id,
        statuses=frozenset(Status(status) for status in order.status),
        since=order.since,
        until=order.until,
        code=order.code,
        fingerprint=order.fingerprint,
        text=order.text,
        handled=order.handled,
        begin=order.begin,
        published=order.version == "published",
        one_first=order.one_first,
        every=_UNITS[unit] / int(number),
        limit=order.limit,
    )


_ONE = "/replays/{replay}"

endpoints = [
    Endpoint(method="GET", path="/replays", handler=list_replays, scope=Scope.READ),
    Endpoint(
        method="POST", path="/replays", handler=create_replay, scope=Scope.EXECUTE, status=202, refusals=(400, 404)
    ),
    Endpoint(method="POST", path="/replays/preview", handler=preview_replays, scope=Scope.READ, refusals=(400, 404)),
    Endpoint(method="GET", path=_ONE, handler=get_replay, scope=Scope.READ),
    Endpoint(method="GET", path=f"{_ONE}/items", handler=list_replay_items, scope=Scope.READ),
    Endpoint(method="POST", path=f"{_ONE}/pause", handler=pause_replay, scope=Scope.EXECUTE, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/resume", handler=resume_replay, scope=Scope.EXECUTE, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/abort", handler=abort_replay, scope=Scope.EXECUTE, refusals=(409,)),
]
