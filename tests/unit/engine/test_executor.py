"""An executor takes what it has room for, stops what people cancelled, and comes to rest when it is told to end."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from engine.attempts import Tools
from engine.errors import DefinitionError
from engine.executor import Executor
from engine.graphs import Graphs
from engine.model.action import Effect
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, Json, JsonObject, new_id
from engine.model.execution import Execution, Status
from engine.model.node import NodeKind
from engine.model.outcome import Outcome, Succeeded
from engine.model.workflow import Definition, Lane
from engine.nodes.base import Attempt
from engine.reaper import Heartbeat
from engine.recorder import Recorder
from tests.fakes import FakeClock
from tests.unit.engine.hub import ACTOR, Parts

CALLING = """
name: calling
triggers: {h: {type: webhook, verify: none}}
nodes: {call: {type: connector, use: a.b}}
"""
PATIENCE_SECONDS = 10


@dataclass
class Calls:
    """Calls that last until the test opens the gate."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0
    ended: int = 0

    def prepare(self, attempt: Attempt) -> "Calls":
        return self

    @property
    def effect(self) -> Effect:
        return Effect.KEYED

    async def perform(self) -> Outcome:
        self.begun += 1
        await self.gate.wait()
        self.ended += 1
        return Succeeded(output="done")


@dataclass
class Bench:
    parts: Parts
    clock: FakeClock
    calls: Calls = field(default_factory=Calls)

    @asynccontextmanager
    async def executor(
        self, *, concurrency: int = 10, grace: float = 10, graphs: Graphs | None = None
    ) -> AsyncIterator[Executor]:
        """A running executor; leaving the context ends it as a signal does."""
        parts, owner = self.parts, ExecutorId(new_id())
        recorder = Recorder(database=parts.database, broker=parts.broker)
        async with recorder.commits, Heartbeat(parts.database, self.clock, owner) as heartbeat:
            executor = Executor(
                database=parts.database,
                broker=parts.broker,
                graphs=graphs or parts.graphs,
                tools=self._tools(owner, recorder, {NodeKind.CONNECTOR: self.calls}),
                heartbeat=heartbeat,
                concurrency=concurrency,
            )
            async with executor.claims, asyncio.TaskGroup() as group:
                task = group.create_task(executor.run(grace=timedelta(seconds=grace)))
                yield executor
                task.cancel()

    def _tools(self, owner: ExecutorId, recorder: Recorder, effects: Mapping[NodeKind, Calls]) -> Tools:
        return Tools(
            owner=owner, effects=effects, recorder=recorder, clock=self.clock, jitter=lambda: 0.0, is_alive=lambda: True
        )

    async def send(self, count: int = 1, *, data: Json = None) -> list[ExecutionId]:
        """Accept events and announce their executions, one message each."""
        workflow = await self.parts.publish(CALLING)
        trigger = await self.parts.trigger(workflow, "h")
        ids = []
        for _ in range(count):
            receipt = await self.parts.intake.accept(self.parts.event(trigger, data))
            assert receipt.execution_id is not None
            ids.append(receipt.execution_id)
            await self.parts.broker.publish(Lane.NORMAL, [receipt.execution_id])
        return ids

    async def find(self, execution_id: ExecutionId) -> Execution:
        async with self.parts.database.read() as uow:
            found = await uow.executions.find(DEFAULT_PROJECT, execution_id)
        assert found is not None
        return found

    async def statuses(self, ids: Sequence[ExecutionId]) -> list[Status]:
        return [(await self.find(execution_id)).status for execution_id in ids]

    async def until_begun(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.calls.begun < count:
                await asyncio.sleep(0.001)

    async def until(self, ids: Sequence[ExecutionId], status: Status) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while set(await self.statuses(ids)) != {status}:
                await asyncio.sleep(0.005)


async def test_no_more_run_at_once_than_allowed_and_all_of_them_in_the_end(parts: Parts, clock: FakeClock) -> None:
    bench = Bench(parts, clock)
    ids = await bench.send(5)

    async with bench.executor(concurrency=2) as executor:
        await bench.until_begun(2)
        assert (executor.busy, bench.calls.begun) == (2, 2)
        assert (await bench.statuses(ids)).count(Status.QUEUED) == 3
        bench.calls.gate.set()
        await bench.until(ids, Status.SUCCEEDED)

    assert bench.calls.ended == 5


async def test_what_people_cancel_is_stopped_in_the_middle_of_its_call(parts: Parts, clock: FakeClock) -> None:
    bench = Bench(parts, clock)
    (execution_id,) = await bench.send()

    async with bench.executor() as executor:
        await bench.until_begun(1)
        await parts.control.cancel(DEFAULT_PROJECT, execution_id, actor=ACTOR)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while executor.busy:
                await asyncio.sleep(0.001)

    assert bench.calls.ended == 0
    assert (await bench.find(execution_id)).status is Status.CANCELLED


async def test_at_the_end_what_runs_may_come_to_rest_and_nothing_new_begins(parts: Parts, clock: FakeClock) -> None:
    bench = Bench(parts, clock)
    (running,) = await bench.send()

    async with bench.executor():
        await bench.until_begun(1)
        asyncio.get_running_loop().call_later(0.02, bench.calls.gate.set)

    assert (await bench.find(running)).status is Status.SUCCEEDED


async def test_what_does_not_come_to_rest_in_time_is_left_to_the_reaper(parts: Parts, clock: FakeClock) -> None:
    bench = Bench(parts, clock)
    (running,) = await bench.send()

    async with bench.executor(grace=0):
        await bench.until_begun(1)

    execution = await bench.find(running)
    assert (execution.status, bench.calls.ended) == (Status.RUNNING, 0)
    async with parts.database.read() as uow:
        assert await uow.liveness.executors() == {}, "its heartbeat is gone, so that it need not become overdue"
        assert await uow.executions.orphans(limit=10) == [execution.owner]


async def test_a_version_that_cannot_be_read_becomes_a_dead_letter(parts: Parts, clock: FakeClock) -> None:
    bench = Bench(parts, clock)
    (execution_id,) = await bench.send()

    async with bench.executor(graphs=Graphs(parts.database, refuse)):
        await bench.until([execution_id], Status.FAILED)

    execution = await bench.find(execution_id)
    assert execution.error is not None
    assert (execution.error["code"], execution.error["message"]) == ("not_runnable", "a later release wrote this")


async def test_one_whose_large_value_was_lost_becomes_a_dead_letter(parts: Parts, clock: FakeClock) -> None:
    bench = Bench(parts, clock)
    (lost,) = await bench.send(data="x" * 5_000_000)  # too large to be remembered by the process
    async with parts.database.write() as uow:
        await uow.blobs.forget([(await bench.find(lost)).event_id])
        await uow.blobs.delete((await uow.blobs.unused(None, limit=10)).found)
        await uow.commit()

    async with bench.executor():
        await bench.until([lost], Status.FAILED)

    execution = await bench.find(lost)
    assert execution.error is not None
    assert (execution.error["code"], bench.calls.begun) == ("not_runnable", 0)


def refuse(_: JsonObject) -> Definition:
    raise DefinitionError("a later release wrote this")
