"""Events that steps may wait for: each is held against the open waits of its trigger, and the first that fits counts.

Intake keeps the ids of such events in the transaction that stores them, so none is missed, and nothing of this is done
for triggers that nobody ever waited for. Taking an event and answering the waits it fits is one transaction.
"""

import asyncio
import logging
from datetime import timedelta

from engine.admission import by_lane
from engine.announcer import Announces
from engine.errors import ExpressionError
from engine.expressions import compile_expression, truthy
from engine.expressions.syntax import ROOTS
from engine.model.arrival import Arrival, Awaited
from engine.model.base import ExecutionId, JsonObject
from engine.model.event import Event
from engine.model.workflow import Lane
from engine.ports import Clock, Database, UnitOfWork
from engine.repositories.children import OpenWait
from engine.scope import trigger_scope
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

EVERY = timedelta(milliseconds=200)
PAGE = 500


class Matcher:
    """Answers waits for events. Two at once do no harm: each event is taken by one, each wait answered once."""

    name = "matcher"

    def __init__(self, database: Database, announcements: Announces, clock: Clock, *, batch: int = 50) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._batch = batch

    async def tick(self) -> timedelta:
        """Hold one batch of events against the waits, in the order in which they were accepted."""
        async with self._database.read() as uow:
            awaited = await uow.events.awaited(limit=self._batch)
        for event_id in awaited:
            async with self._database.write() as uow:
                event = await uow.events.take_awaited(event_id)
                woken = [] if event is None else await self._match(uow, event)
                await uow.commit()
            self._announcements.announce(by_lane(woken))
        return AT_ONCE if len(awaited) == self._batch else EVERY

    async def _match(self, uow: UnitOfWork, event: Event) -> list[tuple[ExecutionId, Lane]]:
        arrived = trigger_scope(event.id, event.occurred_at, event.envelope, event.data)
        fitting: list[OpenWait] = []
        last: OpenWait | None = None
        while True:
            page = await uow.children.waiting_for(event.trigger_id, until=event.accepted_at, after=last, limit=PAGE)
            fitting += [wait for wait in page if _fits(wait, arrived, event)]
            if len(page) < PAGE:
                break
            last = page[-1]
            await asyncio.sleep(0)
        now = self._clock.now()
        for wait in fitting:
            arrival = Arrival(
                execution_id=wait.execution_id,
                path=wait.path,
                kind=Awaited.EVENT,
                payload=arrived,
                arrived_at=now,
                by=event.id,
            )
            await uow.arrivals.add(event.project_id, [arrival])
            await uow.children.close(wait.execution_id, wait.path)
        ids = sorted({wait.execution_id for wait in fitting})
        return list(await uow.arrivals.wake(await uow.arrivals.ready(limit=len(ids), ids=ids), now=now)) if ids else []


def _fits(wait: OpenWait, arrived: JsonObject, event: Event) -> bool:
    """Whether an event is the one a step waits for; one for which ``match`` cannot be evaluated is not."""
    details = wait.details or {}
    if details.get("match") is None:
        return True
    scope = {**details["scope"], "trigger": arrived, "now": event.accepted_at.isoformat()}
    try:
        names = frozenset(scope) - ROOTS
        return truthy(compile_expression(details["match"], names=names).evaluate(scope))
    except ExpressionError as exc:
        facts = {"execution_id": wait.execution_id, "step": wait.path, "event_id": event.id, "reason": str(exc)}
        log.info("match failed on an event", extra=facts)
        return False
