"""Time and memory of a trial: a clock that only waits move, and records that are never written down."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from engine.errors import LimitExceeded
from engine.model.base import format_duration
from engine.model.execution import ExecutionRecord, StepRecord


class VirtualClock:
    """Stands still while a trial runs, and jumps where it waits; measures meanwhile how long the trial really takes."""

    def __init__(self, start: datetime, *, limit: timedelta, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._now = start
        self._limit = limit
        self._elapsed = elapsed
        self._until = elapsed() + limit.total_seconds()

    def now(self) -> datetime:
        """Raises LimitExceeded: the trial has taken too long; whatever asked for the time ends with it."""
        if self._elapsed() > self._until:
            raise LimitExceeded(f"the trial took longer than {format_duration(self._limit)}")
        return self._now

    def jump(self, to: datetime) -> None:
        """Let time pass until ``to``; never backwards."""
        self._now = max(self._now, to)


class MemoryRecords:
    """Where the commits of a trial go, up to ``most`` steps and ``largest`` bytes of outputs as JSON.

    Implements ``engine.journal.Records``.
    """

    def __init__(self, *, most: int | None = None, largest: int | None = None) -> None:
        self._most = most
        self._largest = largest
        self._size = 0
        self._steps: dict[tuple[str, int], StepRecord] = {}
        self.last: ExecutionRecord | None = None

    async def record(self, record: ExecutionRecord, *, reply_to: str | None = None) -> bool:
        """Keep it; nobody else can own a trial, so it always counts. Raises LimitExceeded: it is too much."""
        del reply_to
        for step in record.steps:
            self.put(step)
        self.last = record
        if self._most is not None and len(self._steps) > self._most:
            raise LimitExceeded(f"the trial made more than {self._most} steps, which is the limit")
        if self._largest is not None:
            self._size += sum(len(msgspec.json.encode(step.output)) for step in record.steps)
            if self._size > self._largest:
                raise LimitExceeded(f"the outputs of the trial have over {self._largest} bytes, which is the limit")
        return True

    def put(self, step: StepRecord) -> None:
        """Keep one step; of two for the same attempt the later one counts."""
        self._steps[step.path, step.attempt] = step

    def steps(self) -> tuple[StepRecord, ...]:
        """What the table of steps would hold, in the order of ``seq``."""
        return tuple(sorted(self._steps.values(), key=lambda step: step.seq))
