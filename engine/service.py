"""The loop that all housekeeping shares: one bounded pass after another, for ever, whatever goes wrong in between.

This is the trigger loop of the house rules: the one place under the scheduler where every exception is caught.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from engine.errors import Unavailable
from engine.model.node import RetryPolicy
from engine.ports import Broker
from engine.retry import next_delay

log = logging.getLogger(__name__)

AT_ONCE = timedelta()
_BACKOFF = RetryPolicy(delay=timedelta(milliseconds=100), factor=2, max_delay=timedelta(seconds=5), jitter=True)


class Service(Protocol):
    """A piece of housekeeping. Its state is in the database, so a pass that was cut short is simply done again."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    async def tick(self) -> timedelta:
        """Make one bounded pass; return the wait before the next one, ``AT_ONCE`` when there is more to do."""


class Alarm:
    """What a service sleeps on; ``ring`` ends the sleep early, or the next one if nobody sleeps."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, limit: timedelta) -> None:
        """Sleep until the alarm rings, at most ``limit``; always lets other tasks run."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self._rung.wait()
        except TimeoutError:
            pass
        else:
            await asyncio.sleep(0)
        self._rung.clear()


async def ring_on_signals(alarm: Alarm, broker: Broker, *patterns: str) -> None:
    """Ring at every signal of these topics, until cancelled. A broker that is away only makes the alarm silent."""
    while True:
        with contextlib.suppress(Unavailable):
            async with broker.signals(*patterns) as signals:
                async for _ in signals:
                    alarm.ring()
        await _sleep(_BACKOFF.max_delay)


class Waiting(Protocol):
    """What ``run_service`` needs of an ``Alarm``."""

    async def wait(self, limit: timedelta) -> None: ...


async def _sleep(delay: timedelta) -> None:
    await asyncio.sleep(delay.total_seconds())


async def run_service(
    service: Service,
    *,
    alarm: Waiting | None = None,
    sleep: Callable[[timedelta], Awaitable[None]] = _sleep,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Tick until cancelled.

    A failed pass is followed by a pause of 100 ms that doubles up to 5 s, which ``alarm`` does not shorten. The same
    trouble is logged when it begins and when it ends, not in between.
    """
    bell = alarm or Alarm()
    trouble = _Trouble(service.name)
    while True:
        try:
            wait = await service.tick()
        except (Unavailable, TimeoutError) as exc:
            trouble.happened(exc, expected=True)
        except Exception as exc:  # noqa: BLE001  the trigger loop: a defect in one pass must not end the service
            trouble.happened(exc, expected=False)
        else:
            trouble.ended()
            await bell.wait(wait)
            continue
        await sleep(next_delay(_BACKOFF, attempt=trouble.failures, retry_after=None, jitter=jitter()))


class Background:
    """Runs a service while the context is open. What the body raises comes out as it is, not in an exception group."""

    def __init__(self, service: Service, *, alarm: Waiting | None = None) -> None:
        self._service = service
        self._alarm = alarm
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        self._task = self._group.create_task(run_service(self._service, alarm=self._alarm))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
        await leave_group(self._group, exc)


async def leave_group(group: asyncio.TaskGroup, exc: BaseException | None) -> None:
    """Wait for a group's tasks; only a cancellation of the body ends them early.

    For context managers that own a group: an error of the body is theirs to let through, not the group's to wrap.
    """
    if isinstance(exc, asyncio.CancelledError):
        await group.__aexit__(type(exc), exc, exc.__traceback__)
    else:
        await group.__aexit__(None, None, None)


class _Trouble:
    """Passes that failed in a row, told to the log once per kind."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._told: set[str] = set()
        self.failures = 0

    def happened(self, exc: Exception, *, expected: bool) -> None:
        self.failures += 1
        kind = "away" if expected else f"{type(exc).__name__}: {exc}"
        if kind in self._told:
            return
        self._told.add(kind)
        facts = {"service": self._service, "reason": str(exc)}
        if expected:
            log.warning("service waits for database or broker", extra=facts)
        else:
            log.error("service failed, it will go on", extra=facts, exc_info=exc)

    def ended(self) -> None:
        if self.failures:
            log.info("service recovered", extra={"service": self._service, "failures": self.failures})
            self._told.clear()
            self.failures = 0
