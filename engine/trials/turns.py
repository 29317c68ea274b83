"""Turns at trials: few run at once, each in a thread and for a bounded time, so that a gateway's work never starves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, TypeVar

from engine.errors import Unavailable
from engine.nodes.code import Runs
from engine.workers import Ran, Run

T = TypeVar("T")

AT_ONCE: Final = 2
MOST_WAITING: Final = 8
PATIENCE: Final = timedelta(seconds=10)
"""How long a request waits for its turn."""


class Turns:
    """Lets ``at_once`` pieces of work run at a time, and few more wait."""

    def __init__(self, *, at_once: int = AT_ONCE, waiting: int = MOST_WAITING, patience: timedelta = PATIENCE) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._waiting = 0
        self._patience = patience

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raises Unavailable: too many wait already, or the turn did not come in time."""
        busy = "other trials are running; try again in a moment"
        if self._free.locked() and self._waiting >= self._most_waiting:
            raise Unavailable(busy)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await self._free.acquire()
        except TimeoutError as exc:
            raise Unavailable(busy) from exc
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


async def in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread with a loop of its own, so that what it computes does not hold up the caller's loop.

    If the caller is cancelled the thread goes on until the work's own limit; nobody gets its result.
    """
    return await asyncio.to_thread(lambda: asyncio.run(work()))


class Lent:
    """Workers of one loop, lent to work that runs in another one."""

    def __init__(self, workers: Runs, loop: asyncio.AbstractEventLoop) -> None:
        self._workers = workers
        self._loop = loop

    async def run(self, run: Run) -> Ran:
        """Run it in the loop that owns the workers. Raises WorkerLost."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._run(run), self._loop))

    async def _run(self, run: Run) -> Ran:
        return await self._workers.run(run)
