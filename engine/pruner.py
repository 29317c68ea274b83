"""History has an end: final executions are deleted when their workflow does not keep them longer, a few at a time.

So are kept results that have expired.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model.base import EventId, ExecutionId, VersionId
from engine.model.workflow import Retention, Workflow
from engine.ports import Clock, Database, UnitOfWork
from engine.repositories import Page
from engine.retention import Pace, retention_of
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

DEFAULT_RETENTION = Retention(age=timedelta(days=30))
BETWEEN_ROUNDS = timedelta(minutes=10)
STEPS_EACH = 20
"""How many steps a transaction may remove for each execution it may remove."""
_CACHED_VERSIONS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forgotten:
    """What a workflow no longer keeps: executions, and events that started none. ``more``: there may be others."""

    workflow: Workflow
    executions: Sequence[ExecutionId]
    events: Sequence[EventId]
    more: bool


class Pruner:
    """Delete what no workflow keeps: executions with all that is theirs, events that started none, and results.

    One pass looks at one page of workflows of all projects and deletes at most one batch of each, and one of results;
    a round is over when all workflows have been looked at and no batch was full. Batches are small, each in a
    transaction of its own, and shrink where transactions take long, so that nobody who writes waits for them. What is
    deleted depends on time and numbers alone, so two pruners at once do no harm.
    """

    name = "pruner"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        retention: Retention = DEFAULT_RETENTION,
        batch: int = 200,
        page: int = 20,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """``retention`` is for workflows that do not set ``settings.retain``; ``timer`` counts seconds."""
        self._database = database
        self._clock = clock
        self._retention = retention
        self._page = page
        self._timer = timer
        self._pace = Pace(batch)
        self._after: str | None = None
        self._unfinished = False
        self._retain: dict[VersionId, Retention] = {}

    async def tick(self) -> timedelta:
        """Prune one page of workflows, then rest as long as that took."""
        page = Page(limit=self._page, after=self._after)
        async with self._database.read() as uow:
            workflows = await uow.workflows.everywhere(page)
            found = [await self._forgotten(uow, workflow) for workflow in workflows]
            stale = await uow.results.has_expired(now=self._clock.now())
            old = self._jobs_before is not None and await uow.jobs.has_old(before=self._jobs_before)
        self._pace.rest = AT_ONCE
        for each in found:
            if each.executions or each.events:
                self._unfinished |= await self._remove(each)
        if stale:
            self._unfinished |= await self._prune_results()
        if old:
            self._unfinished |= await self._prune_jobs()
        return max(self._next(workflows), self._pace.rest)

    async def _forgotten(self, uow: UnitOfWork, workflow: Workflow) -> _Forgotten:
        keep, limit = await self._retained(uow, workflow), self._pace.size
        executions: list[ExecutionId] = []
        events: Sequence[EventId] = ()
        if keep.age is not None:
            before = self._clock.now() - keep.age
            executions += await uow.executions.expired(workflow.id, before=before, limit=limit)
            events = await uow.events.expired(workflow.id, before=before, limit=limit)
        if keep.count is not None and len(executions) < limit:
            surplus = await uow.executions.surplus(workflow.id, keep=keep.count, limit=limit)
            executions = list(dict.fromkeys([*executions, *surplus]))[:limit]
        more = len(executions) >= limit or len(events) >= limit
        return _Forgotten(workflow=workflow, executions=executions, events=events, more=more)

    async def _remove(self, what: _Forgotten) -> bool:
        """Remove one batch, or a part of the steps of executions with very many; say whether there may be more."""
        steps = self._pace.size * STEPS_EACH
        async with self._database.write() as uow:
            began = self._timer()
            ids = await uow.executions.lock_final(what.executions)
            trimmed = await uow.executions.trim(ids, limit=steps)
            if trimmed < steps:
                await uow.executions.delete(ids)
                await uow.events.delete(what.events)
            self._pace.took(self._timer() - began)  # without the commit, whose cost does not come from the size
            await uow.commit()
        count = len(ids) + len(what.events) if trimmed < steps else 0
        log.info("history pruned", extra={"workflow_id": what.workflow.id, "count": count, "steps": trimmed})
        return what.more or trimmed >= steps

    async def _prune_results(self) -> bool:
        limit = self._pace.most
        async with self._database.write() as uow:
            count = await uow.results.delete_expired(now=self._clock.now(), limit=limit)
            await uow.commit()
        log.info("results pruned", extra={"count": count})
        return count >= limit

    @property
    def _jobs_before(self) -> datetime | None:
        """Jobs that finished earlier are no longer kept: they belong to no workflow, so the hub decides."""
        return None if self._retention.age is None else self._clock.now() - self._retention.age

    async def _prune_jobs(self) -> bool:
        limit = self._pace.size * STEPS_EACH
        async with self._database.write() as uow:
            count = 0 if self._jobs_before is None else await uow.jobs.prune(before=self._jobs_before, limit=limit)
            await uow.commit()
        log.info("jobs pruned", extra={"count": count})
        return count > 0

    def _next(self, seen: Sequence[Workflow]) -> timedelta:
        if len(seen) == self._page:
            self._after = seen[-1].id
            return AT_ONCE
        self._after = None
        unfinished, self._unfinished = self._unfinished, False
        return AT_ONCE if unfinished else BETWEEN_ROUNDS

    async def _retained(self, uow: UnitOfWork, workflow: Workflow) -> Retention:
        if workflow.published is None:
            return self._retention
        if workflow.published not in self._retain:
            if len(self._retain) >= _CACHED_VERSIONS:
                self._retain.clear()
            version = await uow.workflows.version(workflow.published)
            self._retain[workflow.published] = retention_of(version.document, self._retention)
        return self._retain[workflow.published]
