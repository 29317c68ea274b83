"""A whole embedded hub under random definitions, faulty messages, dying executors and people who interfere.

Time is a fake; the housekeeping is turned by hand, so that a run takes seconds and its faults can be dated.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from engine.announcer import Announcer
from engine.attempts import Tools
from engine.deadlines import Deadlines
from engine.errors import Category, OutcomeUnknown, RequestError
from engine.executor import Executor
from engine.model.action import Effect
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, TriggerId, new_id
from engine.model.execution import Execution, Failure, Status, StepStatus
from engine.model.node import ConnectorSpec, NodeKind
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended, Unknown
from engine.model.workflow import Lane
from engine.nodes.base import Attempt
from engine.pausing import PauseReminder, Pausing
from engine.reaper import Heartbeat, Reaper
from engine.recorder import Recorder
from engine.replay_choices import FAILED, START, Choice
from engine.resumer import Resumer
from engine.timers import Timers
from tests.fakes import FakeClock, RecordingAnnouncements, sqlite_database
from tests.unit.engine.hub import ACTOR, Parts
from tests.unit.engine.properties.definitions import ANY, make
from tests.unit.engine.properties.driving import EFFECTS
from tests.unit.engine.properties.oracle import BUSY, Oracle

WORKFLOWS: Final = 12
EVENTS: Final = 3
WILD_TURNS: Final = 60
MOST_TURNS: Final = 600
BROKEN: Final = ("corrupt_history", "not_runnable", "internal_error")


@dataclass
class Faulty(RecordingAnnouncements):
    """Announces now and then twice, now and then not at all."""

    dice: random.Random
    told: list[tuple[Lane, ExecutionId]] = field(default_factory=list)

    def announce(self, ids_by_lane: Mapping[Lane, Sequence[ExecutionId]]) -> None:
        for lane, ids in ids_by_lane.items():
            for execution_id in ids:
                self.told += [(lane, execution_id)] * self.dice.choice((0, 1, 1, 1, 2, 3))


@dataclass
class Life:
    """One executor process."""

    world: "World"

    def __post_init__(self) -> None:
        world, parts = self.world, self.world.parts
        self.owner = ExecutorId(new_id())
        self.heartbeat = Heartbeat(parts.database, world.clock, self.owner)
        self.task = asyncio.ensure_future(self._live())

    async def _live(self) -> None:
        world, parts = self.world, self.world.parts
        recorder = Recorder(database=parts.database, broker=parts.broker)
        tools = Tools(
            owner=self.owner,
            effects={NodeKind.CONNECTOR: Effects(world)},
            recorder=recorder,
            clock=world.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: self.heartbeat.alive,
        )
        async with recorder.commits, self.heartbeat:
            executor = Executor(
                database=parts.database,
                broker=parts.broker,
                graphs=parts.graphs,
                tools=tools,
                heartbeat=self.heartbeat,
                concurrency=20,
            )
            async with executor.claims:
                await executor.run(grace=timedelta())

    async def die(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@dataclass
class Effects:
    """Calls that come to what the oracle of their execution says."""

    world: "World"

    def prepare(self, attempt: Attempt) -> "Call":
        spec = attempt.node.node.spec
        assert isinstance(spec, ConnectorSpec)
        return Call(self.world, attempt, EFFECTS[spec.use.partition(".")[0]])


@dataclass
class Call:
    world: "World"
    attempt: Attempt
    effect: Effect

    async def perform(self) -> Outcome:
        visit, execution_id = self.attempt.visit, self.attempt.execution_id
        oracle, path = self.world.oracle(execution_id), visit.path
        if oracle.waits_first(path) and visit.reason != BUSY:
            return Suspended(due_at=self.world.clock.now() + timedelta(seconds=1), reason=BUSY)
        if self.effect is Effect.UNREPEATABLE:
            self.world.made[execution_id, path, visit.attempt] += 1
        for _ in range(oracle.turns(path)):
            await asyncio.sleep(0.001)
        if oracle.is_unknown(path):
            return Unknown(failure=Failure(code=OutcomeUnknown.code, message="lost", step=path))
        category = oracle.failure_of(path, visit.attempt)
        if category is None:
            return Succeeded(output=oracle.output(path))
        return Failed(failure=Failure(code="refused", message="no", category=Category(category), step=path))


@dataclass
class World:
    """The hub, its executors, its housekeeping, and people."""

    parts: Parts
    clock: FakeClock
    dice: random.Random
    announcements: Faulty
    made: Counter[tuple[ExecutionId, str, int]] = field(default_factory=Counter)
    seeds: dict[ExecutionId, int] = field(default_factory=dict)
    replayed: set[ExecutionId] = field(default_factory=set)
    triggers: list[TriggerId] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        database, broker, clock = self.parts.database, self.parts.broker, self.clock
        self.pausing = Pausing(database=database, broker=broker, announcements=self.announcements, clock=clock)
        self.services = (
            Timers(database, self.announcements, clock),
            Resumer(database, self.announcements, clock),
            Announcer(database, broker, clock),
            Reaper(database, self.announcements, clock),
            Deadlines(database=database, broker=broker, graphs=self.parts.graphs, clock=clock),
            PauseReminder(database, broker),
        )
        self.lives = [Life(self), Life(self)]

    def oracle(self, execution_id: ExecutionId) -> Oracle:
        return Oracle(self.seeds.setdefault(execution_id, len(self.seeds)))

    async def begin(self, seed: int) -> None:
        """Publish random definitions, and let their triggers fire."""
        for number in range(WORKFLOWS):
            document = make(ANY, self.dice.randint(1, ANY.size), self.dice.randint(0, 2), seed * 1000 + number).document
            text = json.dumps(
                {**document, "name": f"random{number}", "triggers": {"h": {"type": "webhook", "verify": "none"}}}
            )
            workflow = await self.parts.publish(text)
            self.texts[workflow.id] = text
            self.triggers.append(await self.parts.trigger(workflow, "h"))
        for trigger in self.triggers:
            for event in range(EVENTS):
                data = Oracle(event).data()
                receipt = await self.parts.intake.accept(self.parts.event(trigger, data))
                assert receipt.execution_id is not None
                self.oracle(receipt.execution_id)

    async def turn(self, *, wild: bool) -> None:
        """Let time pass, and everybody do something."""
        self.clock.advance(self.dice.choice((0.1, 1, 5, 11)))
        for life in self.lives:
            if not wild or self.dice.random() < 0.9:
                await life.heartbeat.tick()
        if wild and self.dice.random() < 0.1:
            await self.lives.pop(self.dice.randrange(2)).die()
            self.lives.append(Life(self))
        for service in self.services:
            await service.tick()
        if wild:
            await self.interfere()
        told, self.announcements.told = self.announcements.told, []
        for lane, execution_id in told:
            await self.parts.broker.publish(lane, [execution_id])
        for _ in range(3):
            await asyncio.sleep(0.002)

    async def interfere(self) -> None:
        """What a person does: sometimes nothing that is possible."""
        execution_id = self.dice.choice(list(self.seeds))
        act = self.dice.choice(("pause", "pause", "resume", "resume", "cancel", "replay", "replay", "again", "from"))
        with suppress(RequestError):
            if act == "pause":
                await self.pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
            elif act == "resume":
                await self.pausing.resume(DEFAULT_PROJECT, execution_id, actor=ACTOR)
            elif act in ("replay", "again", "from"):
                await self.replay(execution_id, act)
            elif self.dice.random() < 0.3:
                await self.parts.control.cancel(DEFAULT_PROJECT, execution_id, actor=ACTOR)

    async def replay(self, execution_id: ExecutionId, act: str) -> None:
        async with self.parts.database.read() as uow:
            steps = await uow.executions.steps(execution_id)
        outer = [step.path for step in steps if "." not in step.path] or [START]
        begin = {"replay": FAILED, "again": START, "from": self.dice.choice(outer)}[act]
        made = await self.parts.control.replay_execution(
            DEFAULT_PROJECT, execution_id, Choice(begin=begin), actor=ACTOR
        )
        self.replayed.add(made)
        self.oracle(made)

    async def all(self) -> list[Execution]:
        async with self.parts.database.read() as uow:
            found = [await uow.executions.find(DEFAULT_PROJECT, execution_id) for execution_id in self.seeds]
        return [execution for execution in found if execution is not None]

    async def calm_down(self) -> None:
        """Let everything come to its end: nobody interferes any more, and what is paused is resumed."""
        for _ in range(MOST_TURNS):
            going = [execution for execution in await self.all() if not execution.status.is_final]
            if not going:
                return
            for execution in going:
                if execution.status is Status.PAUSED or execution.pause_asked_at is not None:
                    with suppress(RequestError):
                        await self.pausing.resume(DEFAULT_PROJECT, execution.id, actor=ACTOR)
            await self.turn(wild=False)
        stuck = [(each.status, each.due_at, self.texts[each.workflow_id]) for each in going]
        raise AssertionError(f"stuck at {self.clock.now()}: {stuck}")


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_stuck_lost_or_done_twice_whatever_happens(seed: int, tmp_path: Path) -> None:
    clock, dice = FakeClock(), random.Random(seed)
    async with sqlite_database(tmp_path, clock) as database:
        announcements = Faulty(dice)
        parts = Parts(database, clock, announcements)
        async with parts.intake.commits:
            world = World(parts, clock, dice, announcements)
            try:
                await world.begin(seed)
                for _ in range(WILD_TURNS):
                    await world.turn(wild=True)
                await world.calm_down()
                await check(world)
            finally:
                for life in world.lives:
                    await life.die()


async def check(world: World) -> None:
    """The balance holds, no history is broken, and no step is there twice."""
    for execution in await world.all():
        text = world.texts[execution.workflow_id]
        assert execution.error is None or execution.error["code"] not in BROKEN, (execution.error, text)
        async with world.parts.database.read() as uow:
            steps = await uow.executions.steps(execution.id)
        done = Counter(step.path for step in steps if step.status is StepStatus.SUCCEEDED)
        assert [path for path, count in done.items() if count > 1] == [], text
    async with world.parts.database.read() as uow:
        for trigger in world.triggers:
            balance = await uow.executions.balance(trigger)
            assert (balance.accepted, balance.difference) == (EVENTS, 0)
    twice = [key for key, count in world.made.items() if count > 1 and not may_repeat(world, *key[:2])]
    assert twice == []


def may_repeat(world: World, execution_id: ExecutionId, path: str) -> bool:
    """Whether a person asked for it: what ``finally`` does comes again when an execution goes on."""
    return execution_id in world.replayed and path.startswith("finally.")
