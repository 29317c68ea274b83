"""Children that nobody waits for any more are cancelled: at once when their parent is, and in any case by a sweep."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from engine.errors import Unavailable
from engine.model.base import ExecutionId
from engine.ports import Broker, Clock, Database
from engine.service import AT_ONCE
from engine.signals import CANCELLED

log = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(seconds=2)
PAUSE = timedelta(seconds=1)
REASON = "its parent does not wait for it any more"


class AbandonedChildren:
    """Cancels children of executions that were cancelled, or that went on without them, and their children in turn.

    Two at once do no harm: each child is cancelled once. A child's own cancellation is told like any other, which is
    how it reaches the next generation.
    """

    name = "abandoned_children"

    def __init__(
        self,
        database: Database,
        broker: Broker,
        clock: Clock,
        *,
        page: int = 1000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._page = page
        self._after = ""
        self._sleep = sleep

    async def tick(self) -> timedelta:
        """Look at one page of the children that live."""
        async with self._database.read() as uow:
            abandoned, self._after = await uow.children.abandoned(after=self._after, limit=self._page)
        for child in abandoned:
            await self._cancel(child)
        return AT_ONCE if self._after else SWEEP_EVERY

    async def listen(self) -> None:
        """Cancel the children of whoever is cancelled, until cancelled. What is not heard is left to the sweep."""
        while True:
            with contextlib.suppress(Unavailable):
                async with self._broker.signals(CANCELLED) as signals:
                    async for signal in signals:
                        with contextlib.suppress(Unavailable):
                            await self._cancel_children(ExecutionId(signal.body.decode(errors="replace")))
            await self._sleep(PAUSE.total_seconds())

    async def _cancel_children(self, parent: ExecutionId) -> None:
        async with self._database.read() as uow:
            children = await uow.children.live_of(parent)
        for child in children:
            await self._cancel(child)

    async def _cancel(self, child: ExecutionId) -> None:
        async with self._database.write() as uow:
            had = await uow.executions.cancel(child, now=self._clock.now(), reason=REASON)
            await uow.commit()
        if had is not None:
            log.info("child cancelled", extra={"execution_id": child})
            await self._broker.signal(CANCELLED, child.encode())
