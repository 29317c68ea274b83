"""Circuit breakers: stop calling a service that fails, everywhere at once, and find out gently when it is back.

pybreaker is the state machine; this guard awaits outside it, because under asyncio it counts cancellations as failures
and lets every caller probe. State is shared between executors through the database.
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from engine.breaker_state import CLOSED, HALF_OPEN, Guard, RateStorage, Shared, Window
from engine.errors import CircuitOpen, Unavailable
from engine.model.base import new_id
from engine.ports import Clock, Database
from engine.service import Alarm, Background

REFRESH_EVERY = timedelta(seconds=1)
_HOUSEKEEPING = timedelta(minutes=1)
_IDLE = timedelta(minutes=10)
_PROBE_POLL = timedelta(seconds=5)


class Breakers:
    """All breakers of a process. Use it as an async context manager: it writes and refreshes in the background.

    A closed breaker costs no database call: what other executors decided is read behind the calls, once a second.
    """

    name = "breakers"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        window: timedelta = timedelta(seconds=60),
        min_calls: int = 10,
        failure_rate: float = 0.5,
        open_for: timedelta = timedelta(seconds=30),
        probe_timeout: timedelta = timedelta(minutes=5),
    ) -> None:
        """``probe_timeout``: how long a probe may take before it counts as lost and another process may probe."""
        self._database = database
        self._clock = clock
        self._window = window
        self._min_calls = min_calls
        self._failure_rate = failure_rate
        self._open_for = open_for
        self._probe_timeout = probe_timeout
        self._guards: dict[str, Guard] = {}
        self._stale: dict[str, Guard] = {}
        self._unwritten: dict[str, Guard] = {}
        self._alarm = Alarm()
        self._background = Background(self, alarm=self._alarm)

    async def __aenter__(self) -> Self:
        await self._background.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._background.__aexit__(kind, exc, trace)

    async def admit(self, key: str) -> "Permit":
        """Ask before a call; afterwards tell the permit how it went.

        Raises:
            CircuitOpen: Nothing may be sent now; ``retry_after`` says when to ask again.
        """
        guard = self._guards.get(key) or self._new_guard(key)
        now = guard.used_at = self._clock.now()
        await self._look(guard, now)
        if guard.state != CLOSED:
            return await self._probe(guard, now)
        return Permit(self, guard, prober=None)

    async def tick(self) -> timedelta:
        """Write what changed here, read what may have changed elsewhere, forget what is no longer used."""
        while self._unwritten:
            guard = next(iter(self._unwritten.values()))
            await self._write(guard)
            if guard.pending is None:
                self._unwritten.pop(guard.key, None)
        if self._stale:
            stale, self._stale = list(self._stale.values()), {}
            await self._read(stale)
        self._forget(self._clock.now())
        return _HOUSEKEEPING

    def finished(self, permit: "Permit", *, failed: bool | None) -> None:
        """What permits call; ``None`` is a call without a result."""
        guard, now = permit.guard, self._clock.now()
        if guard.generation != permit.generation or guard.prober != permit.prober:
            return  # the state changed since; this call no longer says anything
        if failed is None:
            if permit.prober is None:
                return
            guard.reopen(now)
        elif not guard.report(now, failed=failed):
            return
        self._unwritten[guard.key] = guard
        self._alarm.ring()

    def _new_guard(self, key: str) -> Guard:
        storage = RateStorage(
            key, window=Window(self._window), min_calls=self._min_calls, failure_rate=self._failure_rate
        )
        guard = self._guards[key] = Guard(key, storage, open_for=self._open_for)
        return guard

    async def _look(self, guard: Guard, now: datetime) -> None:
        """Make sure that the shared state is known: the first time and while not closed, before going on."""
        if guard.read_at is not None and now - guard.read_at < REFRESH_EVERY:
            return
        if guard.read_at is not None and guard.state == CLOSED:
            guard.read_at = now
            self._stale[guard.key] = guard
            self._alarm.ring()
            return
        guard.read_at = now
        with contextlib.suppress(Unavailable):  # then what this process knows must do
            await self._read([guard])

    async def _read(self, guards: Iterable[Guard]) -> None:
        async with self._database.read() as uow:
            for guard in guards:
                row = await uow.liveness.breaker(guard.key)
                if guard.pending is None and not guard.claiming:
                    guard.adopt(row)

    async def _write(self, guard: Guard) -> None:
        pending = guard.pending
        if pending is None:
            return
        row = Shared(state=pending.state, until=pending.until).as_json()
        async with self._database.write() as uow:
            written = await uow.liveness.put_breaker(guard.key, row, seen=guard.seen)
            current = row if written else await uow.liveness.breaker(guard.key)
            await uow.commit()
        if guard.pending is not pending:
            return
        if written:
            guard.adopt(row)
        elif guard.outranks(current):
            guard.seen = current
        else:
            guard.adopt(current)

    async def _probe(self, guard: Guard, now: datetime) -> "Permit":
        """Become the one caller, in all processes, that may find out whether the service is back."""
        if guard.until is not None and now < guard.until:
            raise _refusal(guard, now)
        if guard.claiming:
            raise _refusal(guard, now)
        claim = Shared(state=HALF_OPEN, until=now + self._probe_timeout, prober=new_id()).as_json()
        guard.claiming = True
        try:
            async with self._database.write() as uow:
                won = await uow.liveness.put_breaker(guard.key, claim, seen=guard.seen)
                current = claim if won else await uow.liveness.breaker(guard.key)
                await uow.commit()
        except Unavailable as exc:
            raise _refusal(guard, now) from exc
        finally:
            guard.claiming = False
        guard.adopt(current)
        if won:
            return Permit(self, guard, prober=guard.prober)
        if guard.state != CLOSED:
            raise _refusal(guard, now)
        return Permit(self, guard, prober=None)

    def _forget(self, now: datetime) -> None:
        for key, guard in list(self._guards.items()):
            unused = guard.used_at is not None and now - guard.used_at > _IDLE
            if unused and guard.state == CLOSED and guard.pending is None:
                del self._guards[key]


class Permit:
    """Leave to make one call. Report exactly one of the three; a second report is ignored."""

    __slots__ = ("_breakers", "_open", "generation", "guard", "prober")

    def __init__(self, breakers: Breakers, guard: Guard, *, prober: str | None) -> None:
        self.guard = guard
        self.generation = guard.generation
        self.prober = prober
        self._breakers = breakers
        self._open = True

    def success(self) -> None:
        """The service answered, whatever it said."""
        self._report(failed=False)

    def failure(self) -> None:
        """The service failed in a way that speaks against calling it again; which ways do is the caller's decision."""
        self._report(failed=True)

    def abandon(self) -> None:
        """The call was cancelled or never made: it says nothing about the service."""
        self._report(failed=None)

    def _report(self, *, failed: bool | None) -> None:
        if self._open:
            self._open = False
            self._breakers.finished(self, failed=failed)


def _refusal(guard: Guard, now: datetime) -> CircuitOpen:
    left = timedelta() if guard.until is None else guard.until - now
    if left <= timedelta():
        left = _PROBE_POLL
    elif guard.state == HALF_OPEN:
        left = min(left, _PROBE_POLL)
    doing = "is being probed" if guard.state == HALF_OPEN else "is open"
    return CircuitOpen(f'the breaker of "{guard.key}" {doing}; nothing was sent', retry_after=left)
