"""Calls under way: each has a time after which nobody waits for it any more, whatever its code does.

A call is cancelled by its own handler when its time is over. Code that swallows the cancellation, or never gives the
event loop a chance to deliver it in time, would keep its execution, and so a place in the executor, for ever. Here the
call is given up a little later: its execution goes on with an outcome that says so, and what is left of the call is a
stray, which is counted and shown until it ends by itself or with the process.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

from engine.model.base import ExecutionId, JsonObject
from engine.model.outcome import Outcome

log = logging.getLogger(__name__)

GRACE: Final = timedelta(seconds=3)
"""How long after its time limit a call may take to notice it, and how long one that is cancelled may take to end."""
SHOWN_AFTER: Final = timedelta(seconds=2)
MOST_SHOWN: Final = 100
"""How many calls an executor shows with its heartbeat, the longest first."""


@dataclass(slots=True)
class _Entry:
    execution_id: ExecutionId
    step: str
    began_at: datetime
    given_up: bool = False


@dataclass
class Calls:
    """All calls of one executor. Enter it; leaving waits a moment for the strays and says which are left."""

    grace: timedelta = GRACE
    _under_way: dict[asyncio.Task[Outcome], _Entry] = field(default_factory=dict)

    @property
    def strays(self) -> int:
        """How many calls were given up and have not ended."""
        return sum(entry.given_up for entry in self._under_way.values())

    def group(self, execution_id: ExecutionId) -> "CallGroup":
        """Return the calls of one execution, an async context manager."""
        return CallGroup(self, execution_id)

    def report(self, now: datetime) -> JsonObject:
        """What has been under way for a while, for the heartbeat: ``{strays, calls: [{execution, step, since}]}``."""
        old = [entry for entry in self._under_way.values() if now - entry.began_at >= SHOWN_AFTER]
        old.sort(key=lambda entry: entry.began_at)
        return {
            "strays": sum(entry.given_up for entry in old),
            "calls": [
                {"execution": entry.execution_id, "step": entry.step, "since": entry.began_at.isoformat()}
                for entry in old[:MOST_SHOWN]
                if not entry.given_up
            ],
        }

    def start(self, call: Coroutine[Any, Any, Outcome], entry: _Entry) -> asyncio.Task[Outcome]:
        """Run a call as a task that is ours until it has ended."""
        task = asyncio.get_running_loop().create_task(call)
        self._under_way[task] = entry
        task.add_done_callback(self._ended)
        return task

    def give_up(self, task: asyncio.Task[Outcome]) -> None:
        """Cancel it once more and wait no longer."""
        entry = self._under_way.get(task)
        if entry is None or entry.given_up:
            return
        entry.given_up = True
        task.cancel()
        facts = {"execution_id": entry.execution_id, "step": entry.step, "count": self.strays}
        log.error("call given up: it did not end when its time was over", extra=facts)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = set(self._under_way)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=self.grace.total_seconds())
        for entry in self._under_way.values():
            facts = {"execution_id": entry.execution_id, "step": entry.step}
            log.error("call still running at the end of the executor", extra=facts)

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        entry = self._under_way.pop(task)
        if entry.given_up:
            if not task.cancelled():
                task.exception()  # looked at, so that nobody is told that it never was
            log.warning("stray call ended", extra={"execution_id": entry.execution_id, "step": entry.step})


class CallGroup:
    """The calls of one drive. Leaving it cancels those that are left and waits a moment for their end."""

    def __init__(self, calls: Calls, execution_id: ExecutionId) -> None:
        self._calls = calls
        self._execution_id = execution_id
        self._open: set[asyncio.Task[Outcome]] = set()

    def begin(
        self,
        call: Coroutine[Any, Any, Outcome],
        *,
        step: str,
        now: datetime,
        limit: timedelta,
        late: Callable[[], Outcome],
    ) -> asyncio.Future[Outcome]:
        """Start a call; the future holds its outcome, or ``late()`` if it has not ended a moment after ``limit``.

        Cancelling the future cancels the call.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        task = self._calls.start(call, _Entry(self._execution_id, step, now))
        self._open.add(task)
        seconds = max(limit, timedelta()) + self._calls.grace

        def give_up() -> None:
            self._open.discard(task)
            self._calls.give_up(task)
            if not future.done():
                future.set_result(late())

        def ended(_: asyncio.Task[Outcome]) -> None:
            timer.cancel()
            self._open.discard(task)
            if not future.done():
                _copy(task, future, late)

        timer = loop.call_later(seconds.total_seconds(), give_up)
        task.add_done_callback(ended)
        future.add_done_callback(lambda _: task.cancel() if future.cancelled() else None)
        return future

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = set(self._open)
        if not left:
            return
        for task in left:
            task.cancel()
        try:
            await asyncio.wait(left, timeout=self._calls.grace.total_seconds())
        finally:
            for task in left:
                self._calls.give_up(task)


def _copy(task: asyncio.Task[Outcome], future: asyncio.Future[Outcome], late: Callable[[], Outcome]) -> None:
    if task.cancelled():  # only its own code can have done that: we cancel no call that is waited for
        future.set_result(late())
    elif (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())
