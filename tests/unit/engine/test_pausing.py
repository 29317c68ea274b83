"""A paused execution starts no further node; what was under way is recorded; resumed, it goes on where it was."""

import asyncio
from datetime import timedelta

import pytest

from engine.errors import Conflict, NotFound, RemoteUnavailable
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, Json, new_id
from engine.model.execution import Status, StepStatus
from engine.model.node import DelaySpec, NodeKind, RetryPolicy
from engine.model.workflow import Lane
from engine.nodes.base import Attempt
from engine.pausing import PauseReminder, Pausing
from engine.reaper import Reaper
from engine.repositories import Page
from tests.fakes import FakeClock, RecordingAnnouncements
from tests.unit.engine.flows import graph, node
from tests.unit.engine.hub import ACTOR, Parts
from tests.unit.engine.test_drive import Bench as DriveBench
from tests.unit.engine.test_drive import call, transform
from tests.unit.engine.test_executor import Bench

X = ExecutionId("x")
TWO = """
name: two
triggers: {h: {type: webhook, verify: none}}
nodes:
  first: {type: connector, use: a.b}
  second: {type: connector, use: a.b}
edges: [first -> second]
"""


@pytest.fixture
def pausing(parts: Parts) -> Pausing:
    return Pausing(database=parts.database, broker=parts.broker, announcements=parts.announcements, clock=parts.clock)


async def start(parts: Parts) -> ExecutionId:
    trigger = await parts.trigger(await parts.publish(TWO), "h")
    receipt = await parts.intake.accept(parts.event(trigger))
    assert receipt.execution_id is not None
    return receipt.execution_id


async def until_busy_is(executor: object, count: int) -> None:
    async with asyncio.timeout(10):
        while executor.busy != count:  # type: ignore[attr-defined]  # an Executor
            await asyncio.sleep(0.001)


async def test_the_call_under_way_is_recorded_and_the_next_begins_only_after_resuming(
    parts: Parts, clock: FakeClock, pausing: Pausing
) -> None:
    bench = Bench(parts, clock)
    execution_id = await start(parts)
    await parts.broker.publish(Lane.NORMAL, [execution_id])

    async with bench.executor() as executor:
        await bench.until_begun(1)
        await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
        assert (await bench.find(execution_id)).status is Status.RUNNING
        bench.calls.gate.set()
        await bench.until([execution_id], Status.PAUSED)
        assert (bench.calls.begun, bench.calls.ended) == (1, 1)
        async with parts.database.read() as uow:
            steps = await uow.executions.steps(execution_id)
        assert [(each.path, each.status) for each in steps] == [("first", StepStatus.SUCCEEDED)]

        await until_busy_is(executor, 0)
        await pausing.resume(DEFAULT_PROJECT, execution_id, actor=ACTOR)
        assert parts.announcements.told[-1] == (Lane.NORMAL, execution_id)
        await parts.broker.publish(Lane.NORMAL, [execution_id])
        await bench.until([execution_id], Status.SUCCEEDED)

    assert bench.calls.begun == 2


async def test_a_request_whose_signal_was_lost_is_repeated(parts: Parts, clock: FakeClock) -> None:
    bench = Bench(parts, clock)
    execution_id = await start(parts)
    await parts.broker.publish(Lane.NORMAL, [execution_id])

    async with bench.executor():
        await bench.until_begun(1)
        async with parts.database.write() as uow:
            await uow.executions.pause(execution_id, now=clock.now())
            await uow.commit()
        await PauseReminder(parts.database, parts.broker).tick()
        await asyncio.sleep(0.01)
        bench.calls.gate.set()
        await bench.until([execution_id], Status.PAUSED)

    assert bench.calls.begun == 1


async def test_resumed_before_it_could_pause_it_goes_on_at_once(
    parts: Parts, clock: FakeClock, pausing: Pausing
) -> None:
    bench = Bench(parts, clock)
    execution_id = await start(parts)
    await parts.broker.publish(Lane.NORMAL, [execution_id])

    async with bench.executor():
        await bench.until_begun(1)
        await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
        await pausing.resume(DEFAULT_PROJECT, execution_id, actor=ACTOR)
        await asyncio.sleep(0.01)
        bench.calls.gate.set()
        await bench.until([execution_id], Status.SUCCEEDED)

    assert bench.calls.begun == 2


async def test_one_whose_executor_dies_while_pausing_is_left_paused(
    parts: Parts, clock: FakeClock, pausing: Pausing, announcements: RecordingAnnouncements
) -> None:
    execution_id = await start(parts)
    async with parts.database.write() as uow:
        await uow.executions.claim([execution_id], owner=ExecutorId(new_id()), now=clock.now())
        await uow.commit()
    await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    announcements.told.clear()

    await Reaper(parts.database, announcements, clock).tick()

    async with parts.database.read() as uow:
        found = await uow.executions.outcome(execution_id)
    assert found is not None
    assert found.status is Status.PAUSED
    assert announcements.told == []


async def test_pausing_and_resuming_are_remembered_with_who_did_it(parts: Parts, pausing: Pausing) -> None:
    execution_id = await start(parts)

    await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    await pausing.resume(DEFAULT_PROJECT, execution_id, actor=ACTOR)

    async with parts.database.read() as uow:
        entries = await uow.access.audit_entries(DEFAULT_PROJECT, Page(limit=2))
    assert [(each.action, each.actor, each.target, each.details) for each in entries] == [
        ("execution.resume", ACTOR, execution_id, {"to": "queued"}),
        ("execution.pause", ACTOR, execution_id, {"was": "queued"}),
    ]


async def test_what_cannot_be_paused_or_resumed_is_refused_with_the_reason(parts: Parts, pausing: Pausing) -> None:
    execution_id = await start(parts)

    with pytest.raises(Conflict, match="is queued, not paused"):
        await pausing.resume(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    with pytest.raises(Conflict, match="is paused already"):
        await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    await parts.control.cancel(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    with pytest.raises(Conflict, match="ended already, as cancelled"):
        await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    for act in (pausing.pause, pausing.resume):
        with pytest.raises(NotFound):
            await act(DEFAULT_PROJECT, ExecutionId(new_id()), actor=ACTOR)


async def test_asking_a_running_one_twice_is_refused(parts: Parts, clock: FakeClock, pausing: Pausing) -> None:
    execution_id = await start(parts)
    async with parts.database.write() as uow:
        await uow.executions.claim([execution_id], owner=ExecutorId(new_id()), now=clock.now())
        await uow.commit()
    await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)

    with pytest.raises(Conflict, match="asked to pause already"):
        await pausing.pause(DEFAULT_PROJECT, execution_id, actor=ACTOR)


async def test_what_is_ready_when_the_pause_comes_is_started_by_the_next_owner() -> None:
    bench = DriveBench(pausing={X})
    flow = graph(transform("a", 1), call("b"), edges=("a -> b",))

    rest = await bench.run(flow, {"b": 2})
    bench.pausing.clear()
    end = await bench.run(flow, {"b": 2}, steps=bench.recorder.stored())

    assert (rest.status, rest.due_at, rest.wait_reason) == (Status.PAUSED, None, None)
    assert (end.status, end.output) == (Status.SUCCEEDED, 2)
    assert [line for line in bench.log if line.startswith("call")] == ["call b b"]


async def test_where_only_time_is_awaited_the_pause_keeps_what_for() -> None:
    bench = DriveBench()

    async def ask(_: Attempt) -> Json:
        bench.pausing.add(X)
        raise RemoteUnavailable("503")

    retry = RetryPolicy(max_attempts=2, delay=timedelta(seconds=5), jitter=False)
    wait = node("wait", NodeKind.DELAY, spec=DelaySpec(duration="1h"))
    rest = await bench.run(graph(call("again", retry=retry), wait), {"again": ask})

    assert rest.status is Status.PAUSED
    assert rest.due_at == bench.clock.now() + timedelta(seconds=5)
    assert rest.wait_reason in ("retry", "delay")


async def test_a_call_beside_goes_on_to_its_end_and_what_follows_it_waits() -> None:
    bench = DriveBench()

    async def ask(_: Attempt) -> Json:
        bench.pausing.add(X)
        await asyncio.sleep(0.001)
        return "done"

    flow = graph(call("a"), call("b"), call("c"), edges=("a -> c", "b -> c"))
    rest = await bench.run(flow, {"a": ask, "b": 1, "c": 2})

    assert rest.status is Status.PAUSED
    assert {step.path: step.status for step in bench.recorder.stored()} == {
        "a": StepStatus.SUCCEEDED,
        "b": StepStatus.SUCCEEDED,
    }


async def test_an_execution_that_is_failing_fails_although_it_was_asked_to_pause() -> None:
    bench = DriveBench()

    async def ask(_: Attempt) -> Json:
        bench.pausing.add(X)
        raise ZeroDivisionError

    end = await bench.run(graph(call("a"), call("b"), edges=("a -> b",)), {"a": ask})

    assert end.status is Status.FAILED
