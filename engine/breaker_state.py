"""One breaker's state: pybreaker's state machine over a failure rate, and the form in which executors share it."""

import contextlib
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import pybreaker

from engine.model.base import JsonObject

CLOSED = pybreaker.STATE_CLOSED
OPEN = pybreaker.STATE_OPEN
HALF_OPEN = pybreaker.STATE_HALF_OPEN
_SLICES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A row of ``breakers``. ``until``: when an open one may be probed, or when a probe under way is given up."""

    state: str = CLOSED
    until: datetime | None = None
    prober: str | None = None

    @classmethod
    def from_json(cls, row: JsonObject | None) -> Self:
        """``None`` (no row) is a breaker that never opened."""
        if row is None:
            return cls()
        until = row.get("until")
        return cls(
            state=row["state"],
            until=None if until is None else datetime.fromisoformat(until),
            prober=row.get("prober"),
        )

    def as_json(self) -> JsonObject:
        until = None if self.until is None else self.until.isoformat()
        return {"state": self.state, "until": until, "prober": self.prober}


class Window:
    """Calls and failures of the last while, counted in ten slices so that memory does not grow with the calls."""

    def __init__(self, length: timedelta) -> None:
        self._slice = length / _SLICES
        self._length = length
        self._slices: deque[list[int]] = deque()
        self._starts: deque[datetime] = deque()

    def add(self, now: datetime, *, failed: bool) -> None:
        if not self._starts or now - self._starts[-1] >= self._slice:
            self._starts.append(now)
            self._slices.append([0, 0])
        self._slices[-1][0] += 1
        self._slices[-1][1] += failed

    def counts(self, now: datetime) -> tuple[int, int]:
        """Calls and failures that are not older than the window."""
        while self._starts and now - self._starts[0] >= self._length:
            self._starts.popleft()
            self._slices.popleft()
        return sum(one[0] for one in self._slices), sum(one[1] for one in self._slices)

    def clear(self) -> None:
        self._starts.clear()
        self._slices.clear()


class RateStorage(pybreaker.CircuitBreakerStorage):
    """pybreaker's storage. Its failure counter becomes a yes or no: has the failure rate been reached?

    pybreaker counts failures in a row and forgets them at a success; here a success only lowers the rate. When the open
    state ends is decided by the guard, on our clock, so the time that pybreaker would store is not needed.
    """

    def __init__(self, name: str, *, window: Window, min_calls: int, failure_rate: float) -> None:
        super().__init__(name)
        self.window = window
        self.now: datetime | None = None
        self._min_calls = min_calls
        self._failure_rate = failure_rate
        self._state = CLOSED
        self._successes = 0

    @property
    def state(self) -> str:
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state

    @property
    def counter(self) -> int:
        """1 when the rate is reached, over at least the minimum of calls; the breaker's ``fail_max`` is 1."""
        if self.now is None:
            return 0
        calls, failures = self.window.counts(self.now)
        return int(calls >= self._min_calls and failures >= self._failure_rate * calls)

    @property
    def success_counter(self) -> int:
        return self._successes

    def increment_success_counter(self) -> None:
        self._successes += 1

    def reset_success_counter(self) -> None:
        self._successes = 0

    @property
    def opened_at(self) -> datetime | None:
        return None

    @opened_at.setter
    def opened_at(self, datetime: datetime) -> None:
        """Not kept: see the class."""


class _FailedCallError(Exception):
    """Tells pybreaker that a call failed."""


def _outcome(failed: bool) -> None:  # noqa: FBT001  pybreaker passes arguments on by position
    if failed:
        raise _FailedCallError


class Guard:
    """One key in one process: the state machine, what the database was last seen to hold, what is to be written.

    ``generation`` rises at every change of state, so that a call admitted before a change cannot count after it.
    """

    def __init__(self, key: str, storage: RateStorage, *, open_for: timedelta) -> None:
        self.key = key
        self.until: datetime | None = None
        self.prober: str | None = None
        self.generation = 0
        self.seen: JsonObject | None = None
        self.pending: Shared | None = None
        self.read_at: datetime | None = None
        self.used_at: datetime | None = None
        self.claiming = False
        self._storage = storage
        self._open_for = open_for
        self._machine = pybreaker.CircuitBreaker(
            fail_max=1, state_storage=storage, name=key, throw_new_error_on_trip=False
        )

    @property
    def state(self) -> str:
        return self._storage.state

    def report(self, now: datetime, *, failed: bool) -> bool:
        """Count a finished call; say whether that changed the state, which is then to be written."""
        before = self.state
        self._storage.now = now
        self._storage.window.add(now, failed=failed)
        with contextlib.suppress(_FailedCallError):
            self._machine.call(_outcome, failed)
        if self.state == before:
            return False
        self._changed(self.state, until=now + self._open_for if self.state == OPEN else None)
        return True

    def reopen(self, now: datetime) -> None:
        """A probe ended without a result: the next one may begin at once."""
        self._machine.open()
        self._changed(OPEN, until=now)

    def adopt(self, row: JsonObject | None) -> None:
        """Take over what the database holds, whoever wrote it."""
        shared = Shared.from_json(row)
        self.seen = row
        self.pending = None
        if (shared.state, shared.until, shared.prober) == (self.state, self.until, self.prober):
            return
        if shared.state != self.state:
            self.generation += 1
            self._storage.window.clear()
        self._storage.state = shared.state
        self.until, self.prober = shared.until, shared.prober

    def outranks(self, row: JsonObject | None) -> bool:
        """Whether the pending change still holds although the row is not the one it was made from.

        Opening holds while the row is closed. The result of a probe does not: another probe has taken its place.
        """
        probed = self.pending is None or self.pending.prober is not None
        return not probed and Shared.from_json(row).state == CLOSED

    def _changed(self, state: str, *, until: datetime | None) -> None:
        self.generation += 1
        self._storage.window.clear()
        self.until = until
        self.pending = Shared(state=state, until=until, prober=self.prober)
        self.prober = None
