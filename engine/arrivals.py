"""The door for what comes from outside: stored once, and the execution that waits for it is queued again.

Nothing that comes is lost. An execution that waits is woken in the same transaction; for one that still runs, or whose
step has not begun, the arrival stays pending until ``engine.resumer`` finds it waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.admission import by_lane
from engine.announcer import Announces
from engine.model.arrival import Arrival, Awaited
from engine.model.base import ExecutionId, Json
from engine.model.execution import StepStatus
from engine.patience import until_available
from engine.ports import Clock, Database
from engine.repositories.arrivals import Standing


class Welcome(StrEnum):
    """What became of something that came: only the first ``taken`` one counts."""

    TAKEN = "taken"
    REPEATED = "repeated"
    EXPIRED = "expired"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How a step stands towards those who want to resume it. ``until`` is when it stops to wait, if that is known."""

    welcome: Welcome
    until: datetime | None = None


class Arrivals:
    """Takes what comes and tells what has come."""

    def __init__(
        self,
        *,
        database: Database,
        announcements: Announces,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._sleep = sleep

    async def callback(self, execution_id: ExecutionId, path: str, payload: Json, *, by: str) -> Welcome:
        """Take a callback for a step, which may not have begun yet.

        ``TAKEN`` is said after the commit: the step gets the payload, whatever dies in between.

        Raises:
            Unavailable: It may or may not have been taken; a repeat tells.
        """
        async with self._database.write() as uow:
            standing = await uow.arrivals.standing(execution_id, path)
            now = self._clock.now()  # after the lock: whoever claimed it before us did so at an earlier time
            has_come = bool(await uow.arrivals.of(execution_id, path)) if standing is not None else False
            welcome = _welcome(standing, now, has_come=has_come)
            if standing is None or welcome is not Welcome.TAKEN:
                return welcome
            arrival = Arrival(
                execution_id=execution_id, path=path, kind=Awaited.CALLBACK, payload=payload, arrived_at=now, by=by
            )
            await uow.arrivals.add(standing.project_id, [arrival])
            woken = await uow.arrivals.wake(await uow.arrivals.ready(limit=1, ids=[execution_id]), now=now)
            await uow.commit()
        self._announcements.announce(by_lane(woken))
        return welcome

    async def look(self, execution_id: ExecutionId, path: str) -> Waits:
        """Say what would become of a callback for a step now; nothing changes."""
        async with self._database.read() as uow:
            standing = await uow.arrivals.standing(execution_id, path, lock=False)
            has_come = bool(await uow.arrivals.of(execution_id, path))
        welcome = _welcome(standing, self._clock.now(), has_come=has_come)
        return Waits(welcome=welcome, until=None if standing is None else standing.due_at or standing.deadline_at)

    async def of(self, execution_id: ExecutionId, path: str) -> tuple[Arrival, ...]:
        """What has come for a step. What is being taken at this moment is waited for, so that nobody was told wrong.

        While the database is away it is asked again and again: a wait must not end because nobody could look.
        """

        async def ask() -> tuple[Arrival, ...]:
            async with self._database.write() as uow:
                await uow.arrivals.standing(execution_id, path)
                return await uow.arrivals.of(execution_id, path)

        return await until_available(ask, what="look for arrivals", sleep=self._sleep)


def _welcome(standing: Standing | None, now: datetime, *, has_come: bool) -> Welcome:
    if has_come:
        return Welcome.REPEATED
    if standing is None or standing.status.is_final:
        return Welcome.OVER
    if standing.step is None:  # it comes before the step has begun
        return Welcome.TAKEN if now < standing.deadline_at else Welcome.EXPIRED
    if standing.step is not StepStatus.WAITING:
        return Welcome.EXPIRED
    return Welcome.TAKEN if standing.due_at is None or now < standing.due_at else Welcome.EXPIRED
