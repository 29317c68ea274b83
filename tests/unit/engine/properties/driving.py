"""Drives executions with the real drive over a store that obeys the fence, and kills or freezes owners on the way."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from engine.attempts import Tools
from engine.calls import Calls
from engine.drive import drive
from engine.errors import Category, OutcomeUnknown
from engine.journal import OwnershipLost
from engine.model.action import Effect
from engine.model.base import ExecutorId
from engine.model.execution import ExecutionRecord, Failure, Status, StepRecord
from engine.model.node import ConnectorSpec, NodeKind
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended, Unknown
from engine.nodes.base import Attempt
from tests.fakes import FakeClock
from tests.unit.engine.flows import NOON
from tests.unit.engine.properties.definitions import Sample
from tests.unit.engine.properties.oracle import BUSY, Oracle
from tests.unit.engine.properties.playing import claim, stored

MOST_CLAIMS: Final = 300
EFFECTS: Final = {"keyed": Effect.KEYED, "pure": Effect.PURE, "unrepeatable": Effect.UNREPEATABLE}


class Fault(StrEnum):
    """What happens to an owner: it dies before or after the thing is done, or it is frozen and somebody takes over."""

    BEFORE = "before"
    AFTER = "after"
    FROZEN = "frozen"
    FROZEN_AFTER = "frozen after"


class Killed(BaseException):
    """The process is gone."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made."""

    path: str
    attempt: int
    epoch: int
    key: str
    effect: Effect


@dataclass
class Hub:
    """One execution in a store: its rows, its fence, and whoever drives it. ``faults`` are by (thing, number)."""

    sample: Sample
    oracle: Oracle
    faults: dict[tuple[str, int], Fault] = field(default_factory=dict)
    alive: bool = True

    def __post_init__(self) -> None:
        self.clock = FakeClock(NOON)
        self.rows: list[StepRecord] = []
        self.made: list[Made] = []
        self.epoch = 0
        self.claims = 0
        self.status = Status.QUEUED
        self.due_at: datetime | None = None
        self.deadline_at = NOON + self.sample.graph.settings.timeout
        self.end: ExecutionRecord | None = None
        self._others: list[asyncio.Future[None]] = []
        self._counts: Counter[str] = Counter()

    def strikes(self, thing: str) -> Fault | None:
        """The fault that comes with the next thing of a kind."""
        self._counts[thing] += 1
        return self.faults.get((thing, self._counts[thing]))

    async def run(self) -> None:
        """Drive it from rest to rest until it has ended; time passes in between."""
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # nobody looks at the calls of the dead
        while not self.status.is_final:
            await self.turn()
            while self._others:
                await self._others.pop()

    async def take_over(self) -> None:
        """Let another owner have a turn while this one is frozen, whatever becomes of this one."""
        other = asyncio.ensure_future(self.turn())
        self._others.append(other)
        await asyncio.shield(other)

    async def turn(self) -> None:
        """One owner's turn, after whatever has to come first: its time, or the reaper."""
        if self.status is Status.WAITING and self.due_at is not None:
            self.clock.set(max(self.clock.now(), self.due_at))
        elif self.status is Status.RUNNING:
            self.clock.advance(20)
        self.claims += 1
        assert self.claims < MOST_CLAIMS, "the execution does not end"
        self.epoch += 1
        self.status = Status.RUNNING
        epoch = self.epoch
        claimed = claim(self.sample, self.oracle, stored(self.rows), now=self.clock.now())
        tools = Tools(
            owner=ExecutorId("me"),
            effects={NodeKind.CONNECTOR: Effects(self, epoch)},
            recorder=self,
            clock=self.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: self.alive,
            calls=Calls(grace=timedelta(seconds=1)),
        )
        try:
            await drive(replace(claimed, epoch=epoch, deadline_at=self.deadline_at), self.sample.graph, tools)
        except OwnershipLost:
            assert epoch != self.epoch, "nobody took over, and yet the owner was told so"
        except Killed:
            pass

    async def record(self, record: ExecutionRecord, *, reply_to: str | None = None) -> bool:
        """Store what an owner did, if it is still the owner."""
        del reply_to
        fault = self.strikes("commit")
        if fault is Fault.BEFORE:
            raise Killed
        if fault is Fault.FROZEN:
            await self.take_over()
        if record.epoch != self.epoch or self.status is not Status.RUNNING:
            return False
        self.rows += record.steps
        self.status = record.status
        self.due_at = record.due_at
        self.deadline_at = record.deadline_at or self.deadline_at
        if record.status.is_final:
            self.end = record
        if fault is Fault.AFTER:
            raise Killed
        if fault is Fault.FROZEN_AFTER and not record.status.is_final:
            await self.take_over()
        return True


@dataclass
class Effects:
    """Makes the calls of one owner."""

    hub: Hub
    epoch: int

    def prepare(self, attempt: Attempt) -> "Call":
        spec = attempt.node.node.spec
        assert isinstance(spec, ConnectorSpec)
        return Call(self.hub, attempt, self.epoch, EFFECTS[spec.use.partition(".")[0]])


@dataclass
class Call:
    """One call, as the oracle wants it."""

    hub: Hub
    attempt: Attempt
    epoch: int
    effect: Effect

    async def perform(self) -> Outcome:
        hub, path, number = self.hub, self.attempt.visit.path, self.attempt.visit.attempt
        fault = hub.strikes("call")
        if fault is Fault.BEFORE:
            raise Killed
        if fault is Fault.FROZEN and not hub.status.is_final:
            await hub.take_over()
        if hub.oracle.waits_first(path) and self.attempt.visit.reason != BUSY:
            return Suspended(due_at=hub.clock.now() + timedelta(seconds=1), reason=BUSY)
        hub.made.append(Made(path, number, self.epoch, self.attempt.idempotency_key, self.effect))
        for _ in range(hub.oracle.turns(path)):
            await asyncio.sleep(0)
        if fault is Fault.AFTER:
            raise Killed
        if fault is Fault.FROZEN_AFTER and not hub.status.is_final:
            await hub.take_over()
        if hub.oracle.is_unknown(path):
            return Unknown(failure=Failure(code=OutcomeUnknown.code, message="lost", step=path))
        category = hub.oracle.failure_of(path, number)
        if category is None:
            return Succeeded(output=hub.oracle.output(path))
        return Failed(
            failure=Failure(code="refused", message=f"no, {category}", category=Category(category), step=path)
        )


def driven(sample: Sample, oracle: Oracle, dice: random.Random, *, faults: int) -> Hub:
    """Drive to the end, with up to so many faults at random places."""
    plan = {
        (dice.choice(("commit", "call")), dice.randint(1, 12)): dice.choice(list(Fault))
        for _ in range(dice.randint(0, faults))
    }
    hub = Hub(sample, oracle, plan, alive=dice.random() < 0.8)
    asyncio.run(hub.run())
    return hub
