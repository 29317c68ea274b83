"""Do a thing once for all who ask for it while it was last done: what makes commits cheap under load.

There is no timer: an idle hub writes at once, a busy one writes what collected during the write before.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, Self, TypeVar

from engine.errors import Unavailable
from engine.service import leave_group

T = TypeVar("T")
R = TypeVar("R")

log = logging.getLogger(__name__)

STOPPING = "the process is stopping"


class GroupCommit(AbstractAsyncContextManager["GroupCommit[T, R]"], Generic[T, R]):
    """Collects items and hands them to ``write`` in batches; each submitter gets its own item's result.

    ``write`` must be atomic and return one result per item, in order. When it fails for another reason than an
    unavailable database, the items of the batch are written one by one, so that one bad item cannot fail the others.

    Args:
        largest: The most items in one batch.
        writers: How many batches may be under way at once.
    """

    def __init__(
        self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, largest: int = 500, writers: int = 1
    ) -> None:
        self._write = write
        self._largest = largest
        self._writers = writers
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._news = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._tasks = [self._group.create_task(self._work()) for _ in range(self._writers)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; items not yet handed to ``write`` fail with Unavailable, and nothing of them was written."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await leave_group(self._group, error)
        _fail(self._waiting, Unavailable(STOPPING))
        self._waiting.clear()

    async def submit(self, item: T) -> R:
        """Return when the batch that holds ``item`` is written.

        Cancelling the caller does not take the item back: it may be written all the same.

        Raises:
            Unavailable: The database is away, or the process is stopping; the batch was not confirmed.
        """
        if not self._tasks:
            raise Unavailable(STOPPING)
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._news.set()
        return await future

    async def _work(self) -> None:
        while True:
            await self._news.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._largest))]
            if not self._waiting:
                self._news.clear()
            if batch:
                await self._settle(batch)

    async def _settle(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._write([item for item, _ in batch])
        except asyncio.CancelledError:
            _fail(batch, Unavailable(STOPPING))
            raise
        except Unavailable as exc:
            _fail(batch, exc)
        except Exception as exc:
            if len(batch) == 1:
                _fail(batch, exc)
                return
            log.warning("batch failed, its items are written one by one", extra={"items": len(batch)}, exc_info=exc)
            for entry in batch:
                await self._settle([entry])
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


def _fail(batch: Iterable[tuple[T, asyncio.Future[R]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
