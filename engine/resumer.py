"""Waking those that something has come for while they were not waiting yet."""

from datetime import datetime, timedelta

from engine.admission import by_lane
from engine.announcer import Announces
from engine.ports import Clock, Database
from engine.service import AT_ONCE

LOOK_EVERY = timedelta(milliseconds=500)
"""How long an execution may wait at most for what came before it did; a look that finds nothing reads one index."""

TIDY_EVERY = timedelta(minutes=1)
_TAKEN = timedelta(milliseconds=50)  # somebody else holds those that are ready


class Resumer:
    """Queue waiting executions with pending arrivals. Several may run at once: none is woken twice."""

    name = "resumer"

    def __init__(self, database: Database, announcements: Announces, clock: Clock, *, batch: int = 500) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._batch = batch
        self._tidied: datetime | None = None

    async def tick(self) -> timedelta:
        """Wake one batch. A crash between commit and announcement leaves queued rows, which the announcer finds."""
        await self._tidy()
        async with self._database.read() as uow:
            ready = await uow.arrivals.ready(limit=self._batch)
        if not ready:
            return LOOK_EVERY
        async with self._database.write() as uow:
            woken = await uow.arrivals.wake(ready, now=self._clock.now())
            await uow.commit()
        self._announcements.announce(by_lane(woken))
        return AT_ONCE if woken else _TAKEN

    async def _tidy(self) -> None:
        """Now and then, let go of what came too late for executions that have ended."""
        now = self._clock.now()
        if self._tidied is not None and now - self._tidied < TIDY_EVERY:
            return
        async with self._database.write() as uow:
            left = await uow.arrivals.forget_ended(limit=self._batch)
            await uow.commit()
        self._tidied = now if left < self._batch else None
