"""Timers are rows: waiting executions that are due are queued again. No delay lives in memory."""

from datetime import timedelta

from engine.admission import by_lane
from engine.announcer import Announces
from engine.ports import Clock, Database
from engine.service import AT_ONCE

LONGEST_SLEEP = timedelta(milliseconds=200)
"""A wait that is stored while this service sleeps is noticed after at most this long; looking costs one index entry."""

_TAKEN = timedelta(milliseconds=50)  # somebody else is waking those that are due


class Timers:
    """Wake waiting executions, in the order in which they are due. Several may run at once: none is woken twice."""

    name = "timers"

    def __init__(self, database: Database, announcements: Announces, clock: Clock, *, batch: int = 2_500) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._batch = batch

    async def tick(self) -> timedelta:
        """Wake one batch. A crash between commit and announcement leaves queued rows, which the announcer finds."""
        async with self._database.read() as uow:
            due = await uow.executions.next_due()
        now = self._clock.now()
        if due is None:
            return LONGEST_SLEEP
        if due > now:
            return min(due - now, LONGEST_SLEEP)
        async with self._database.write() as uow:
            woken = await uow.executions.wake(now, limit=self._batch)
            await uow.commit()
        self._announcements.announce(by_lane(woken))
        return AT_ONCE if woken else _TAKEN
