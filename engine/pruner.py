"""History has an end: final executions are deleted when their workflow's retention is over, a few at a time.

So are kept results that have expired.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.model.base import DEFAULT_PROJECT, JsonObject, ProjectId, VersionId, parse_duration
from engine.model.workflow import Workflow
from engine.ports import Clock, Database, UnitOfWork
from engine.repositories import Page
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

DEFAULT_RETENTION = timedelta(days=30)
BETWEEN_ROUNDS = timedelta(minutes=10)
_CACHED_VERSIONS = 10_000


class Pruner:
    """Delete expired executions with all that is theirs, expired events that started none, and expired results.

    One pass looks at one page of workflows and deletes at most one batch of each, and one of results; a round is over
    when all workflows have been looked at and no batch was full. What it deletes depends on the time alone, so two at
    once do no harm.
    """

    name = "pruner"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        retention: timedelta = DEFAULT_RETENTION,
        projects: Sequence[ProjectId] = (DEFAULT_PROJECT,),
        batch: int = 200,
        page: int = 20,
    ) -> None:
        """``retention`` is for workflows that do not set ``settings.retain``."""
        self._database = database
        self._clock = clock
        self._retention = retention
        self._projects = tuple(projects)
        self._batch = batch
        self._page = page
        self._project = 0
        self._after: str | None = None
        self._unfinished = False
        self._retain: dict[VersionId, timedelta] = {}

    async def tick(self) -> timedelta:
        """Prune one page of workflows, each batch in a transaction of its own so that nobody waits long."""
        if not self._projects:
            return BETWEEN_ROUNDS
        page = Page(limit=self._page, after=self._after)
        async with self._database.read() as uow:
            workflows = await uow.workflows.list(self._projects[self._project], page)
            retained = [(workflow, await self._retained(uow, workflow)) for workflow in workflows]
            stale = await uow.results.has_expired(now=self._clock.now())
        for workflow, keep in retained:
            self._unfinished |= await self._prune(workflow, keep)
        if stale:
            self._unfinished |= await self._prune_results()
        return self._next(workflows)

    async def _prune(self, workflow: Workflow, keep: timedelta) -> bool:
        before = self._clock.now() - keep
        async with self._database.read() as uow:
            if not await self._expired(uow, workflow, before, limit=1):
                return False
        async with self._database.write() as uow:
            count = await self._expired(uow, workflow, before, limit=self._batch, delete=True)
            await uow.commit()
        log.info("history pruned", extra={"workflow_id": workflow.id, "count": count})
        return count >= self._batch

    async def _prune_results(self) -> bool:
        async with self._database.write() as uow:
            count = await uow.results.delete_expired(now=self._clock.now(), limit=self._batch)
            await uow.commit()
        log.info("results pruned", extra={"count": count})
        return count >= self._batch

    async def _expired(
        self, uow: UnitOfWork, workflow: Workflow, before: datetime, *, limit: int, delete: bool = False
    ) -> int:
        """Count expired executions, and expired events that started none; delete them if told so."""
        executions = await uow.executions.expired(workflow.id, before=before, limit=limit)
        events = await uow.events.expired(workflow.id, before=before, limit=limit)
        if delete:
            await uow.executions.delete(executions)
            await uow.events.delete(events)
        return len(executions) + len(events)

    def _next(self, seen: Sequence[Workflow]) -> timedelta:
        if len(seen) == self._page:
            self._after = seen[-1].id
            return AT_ONCE
        self._after = None
        self._project = (self._project + 1) % len(self._projects)
        if self._project:
            return AT_ONCE
        unfinished, self._unfinished = self._unfinished, False
        return AT_ONCE if unfinished else BETWEEN_ROUNDS

    async def _retained(self, uow: UnitOfWork, workflow: Workflow) -> timedelta:
        if workflow.published is None:
            return self._retention
        if workflow.published not in self._retain:
            if len(self._retain) >= _CACHED_VERSIONS:
                self._retain.clear()
            version = await uow.workflows.version(workflow.published)
            self._retain[workflow.published] = self._read(version.document)
        return self._retain[workflow.published]

    def _read(self, document: JsonObject) -> timedelta:
        """Versions are immutable and were checked when they were saved, so ``retain`` is a duration if it is there."""
        retain = (document.get("settings") or {}).get("retain")
        return self._retention if retain is None else parse_duration(retain)
