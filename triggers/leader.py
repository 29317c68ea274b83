"""Which of several schedulers does the work. A lease in the database says so.

Leading is an optimisation: two leaders at once must do no harm, and the code below only makes that rare.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from engine.errors import Unavailable
from engine.ports import Clock, Database
from engine.service import Background, Service

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
RENEW_EVERY = timedelta(seconds=3)
SAFETY_MARGIN = timedelta(seconds=2)
"""How much before the lease's end a leader that cannot renew stops, for clocks that differ and work under way."""

_RETRY_EVERY = timedelta(milliseconds=500)


class Leader:
    """A candidate for the lease ``name``. Use it as an async context manager: it campaigns until the context ends.

    Leaving the context releases the lease, so that a standby takes over within a second and need not wait for its end.
    """

    def __init__(self, database: Database, clock: Clock, name: str, holder: str) -> None:
        """``holder`` names this process and must be unlike any other's."""
        self.name = f"leader of {name}"
        self._database = database
        self._clock = clock
        self._lease = name
        self._holder = holder
        self._until: datetime | None = None
        self._told = False
        self._campaign = Background(self)

    @property
    def is_leader(self) -> bool:
        """Whether this process holds the lease, with some time left. It ends by itself when nothing renews it."""
        return self._until is not None and self._clock.now() < self._until - SAFETY_MARGIN

    async def __aenter__(self) -> Self:
        await self._campaign.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._campaign.__aexit__(kind, exc, trace)
        finally:
            await self.resign()

    async def tick(self) -> timedelta:
        """Take the lease or renew it. A database that is away is asked again soon, until the lease is over."""
        now = self._clock.now()
        try:
            async with asyncio.timeout(SAFETY_MARGIN.total_seconds()), self._database.write() as uow:
                won = await uow.liveness.lease(self._lease, holder=self._holder, now=now, until=now + LEASE)
                await uow.commit()
        except (Unavailable, TimeoutError):
            won = None
        if won is not None:
            self._until = now + LEASE if won else None
        self._tell()
        if won:
            return RENEW_EVERY
        return _RETRY_EVERY if won is None else timedelta(seconds=1)

    async def resign(self) -> None:
        """Give the lease back. If the database is away, it simply ends in time."""
        if self._until is None:
            return
        self._until = None
        self._tell()
        try:
            async with asyncio.timeout(SAFETY_MARGIN.total_seconds()), self._database.write() as uow:
                await uow.liveness.release(self._lease, holder=self._holder)
                await uow.commit()
        except (Unavailable, TimeoutError):
            log.info("lease not released, it will end by itself", extra={"lease": self._lease})

    def _tell(self) -> None:
        if self.is_leader != self._told:
            self._told = self.is_leader
            log.info("leading" if self._told else "standing by", extra={"lease": self._lease, "holder": self._holder})


class Led:
    """A service that ticks only while this process leads."""

    def __init__(self, service: Service, leader: Leader) -> None:
        self.name = service.name
        self._service = service
        self._leader = leader

    async def tick(self) -> timedelta:
        """Tick the service, or look again in a second."""
        return await self._service.tick() if self._leader.is_leader else timedelta(seconds=1)
