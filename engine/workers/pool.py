"""A bounded number of worker processes, started when code first runs and replaced when they die or have run enough."""

import asyncio
import os
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from engine.workers.process import Worker
from engine.workers.protocol import Ending, Language, Ran, Run, frame

RUNS_PER_WORKER: Final = 100
START_TIME: Final = 20.0
"""How long a new process may take to become ready, on a busy machine."""
GRACE: Final = 2.0
"""How long after the time limit an interpreter may say so by itself, before its process is killed."""


class Workers:
    """Runs code; at most ``size`` runs at once, the others wait for their turn.

    An idle worker of the other language makes room for a new one, so there are never more than ``size`` processes.
    """

    def __init__(self, size: int | None = None, *, grace: float = GRACE) -> None:
        self.size = size or os.cpu_count() or 1
        self._grace = grace
        self._turns = asyncio.Semaphore(self.size)
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._running = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        workers = [*self._idle, *self._busy]
        self._idle.clear()
        for worker in workers:
            await worker.kill()

    @property
    def pids(self) -> Sequence[int]:
        """The processes there are now."""
        return [worker.pid for worker in (*self._idle, *self._busy) if worker.is_alive]

    async def run(self, run: Run) -> Ran:
        """Run a source in a worker; one that does not keep to its time is killed.

        Raises:
            WorkerLost: The process died, or none could be started.
        """
        request = frame(run)
        async with self._turns:
            self._running += 1
            try:
                return await self._in(await self._take(run.language), request, run.time + self._grace)
            finally:
                self._running -= 1

    async def _in(self, worker: Worker, request: bytes, limit: float) -> Ran:
        starting = 0.0 if worker.runs else START_TIME
        self._busy.add(worker)
        try:
            async with asyncio.timeout(limit + starting):
                ran = await worker.ask(request)
        except TimeoutError:
            await self._drop(worker)
            return Ran(ending=Ending.TIME)
        except BaseException:
            await self._drop(worker)
            raise
        await self._put_back(worker)
        return ran

    async def _take(self, language: Language) -> Worker:
        while (known := next((each for each in self._idle if each.language is language), None)) is not None:
            self._idle.remove(known)
            if known.is_alive:
                return known
            await known.kill()
        while self._idle and len(self._idle) + self._running > self.size:
            await self._idle.pop(0).kill()
        return await Worker.start(language)

    async def _put_back(self, worker: Worker) -> None:
        self._busy.discard(worker)
        if worker.runs >= RUNS_PER_WORKER or not worker.is_alive:
            await worker.kill()
        else:
            self._idle.append(worker)

    async def _drop(self, worker: Worker) -> None:
        self._busy.discard(worker)
        await asyncio.shield(worker.kill())
