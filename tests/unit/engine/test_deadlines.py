"""The scheduler ends what its executor should have ended, and says what was under way."""

import asyncio
from datetime import timedelta

import pytest

from engine.deadlines import GRACE, Deadlines
from engine.definition import load_document
from engine.errors import DefinitionError
from engine.graphs import Graphs
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, JsonObject, new_id
from engine.model.execution import Claimed, Execution, ExecutionRecord, Status, StepRecord, StepStatus
from engine.model.workflow import Definition
from engine.pausing import Pausing
from engine.replay_choices import Choice
from engine.repositories import Page
from engine.service import AT_ONCE
from tests.fakes import FakeClock
from tests.unit.engine.hub import ACTOR, Parts

OWNER = ExecutorId(new_id())
HOUR = timedelta(hours=1)
TEXT = """
name: slow
triggers: {h: {type: webhook, verify: none}}
nodes:
  shape: {type: transform, value: 1}
  first: {type: connector, use: a.b}
  second: {type: connector, use: a.b}
  nap: {type: delay, for: 2h}
edges: [shape -> first, first -> second]
settings: {timeout: 1h}
"""


@pytest.fixture
def deadlines(parts: Parts) -> Deadlines:
    return Deadlines(database=parts.database, broker=parts.broker, graphs=parts.graphs, clock=parts.clock, batch=3)


async def start(parts: Parts, *, count: int = 1) -> list[ExecutionId]:
    trigger = await parts.trigger(await parts.publish(TEXT), "h")
    receipts = [await parts.intake.accept(parts.event(trigger)) for _ in range(count)]
    return [receipt.execution_id for receipt in receipts if receipt.execution_id is not None]


async def claim(parts: Parts, execution_id: ExecutionId) -> Claimed:
    async with parts.database.write() as uow:
        (claimed,) = await uow.executions.claim([execution_id], owner=OWNER, now=parts.clock.now())
        await uow.commit()
    return claimed


async def record(parts: Parts, claimed: Claimed, status: Status, *steps: StepRecord, due_in: timedelta = HOUR) -> bool:
    due_at = parts.clock.now() + due_in if status is Status.WAITING else None
    written = ExecutionRecord(
        id=claimed.id, owner=OWNER, epoch=claimed.epoch, status=status, steps=steps, due_at=due_at, wait_reason="delay"
    )
    async with parts.database.write() as uow:
        counted = await uow.executions.record([written])
        await uow.commit()
    return claimed.id in counted


def step(parts: Parts, path: str, seq: int, status: StepStatus = StepStatus.SUCCEEDED) -> StepRecord:
    now = parts.clock.now()
    succeeded = status is StepStatus.SUCCEEDED
    return StepRecord(
        path=path, node=path, attempt=1, seq=seq, status=status, started_at=now,
        finished_at=now if succeeded else None, ports=("main",) if succeeded else (),
        due_at=now + 2 * HOUR if status is StepStatus.WAITING else None,
    )  # fmt: skip


async def find(parts: Parts, execution_id: ExecutionId) -> tuple[Execution, dict[str, StepStatus]]:
    async with parts.database.read() as uow:
        execution = await uow.executions.outcome(execution_id)
        steps = await uow.executions.steps(execution_id)
    assert execution is not None
    return execution, {each.path: each.status for each in steps}


async def test_a_running_one_fails_a_moment_after_its_time_and_names_the_step_under_way(
    parts: Parts, clock: FakeClock, deadlines: Deadlines
) -> None:
    (execution_id,) = await start(parts)
    claimed = await claim(parts, execution_id)
    await record(parts, claimed, Status.RUNNING, step(parts, "nap", 1, StepStatus.WAITING), step(parts, "shape", 2))
    clock.advance(HOUR + GRACE)
    await deadlines.tick()
    assert (await find(parts, execution_id))[0].status is Status.RUNNING, "its executor may still do it"

    clock.advance(0.001)
    async with parts.broker.signals("execution.cancelled") as signals:
        await deadlines.tick()
        told = await anext(signals)

    execution, steps = await find(parts, execution_id)
    assert execution.error is not None
    assert (execution.status, execution.error["code"]) == (Status.FAILED, "execution_timeout")
    assert "settings.timeout, 1h; under way: nap, first" in execution.error["message"]
    assert steps == {"nap": StepStatus.CANCELLED, "shape": StepStatus.SUCCEEDED, "first": StepStatus.CANCELLED}
    assert told.body == execution_id.encode()
    assert not await record(parts, claimed, Status.SUCCEEDED)
    async with parts.database.read() as uow:
        (letter,) = await uow.dead_letters.list(DEFAULT_PROJECT, Page())
    assert (letter.execution_id, letter.code, letter.state) == (execution_id, "execution_timeout", "open")


async def test_of_several_steps_the_one_that_the_executor_names_is_named(
    parts: Parts, clock: FakeClock, deadlines: Deadlines
) -> None:
    (execution_id,) = await start(parts)
    claimed = await claim(parts, execution_id)
    await record(parts, claimed, Status.RUNNING, step(parts, "nap", 1, StepStatus.WAITING), step(parts, "shape", 2))
    await beat(parts, {"calls": [{"execution": execution_id, "step": "first", "since": "…"}]})
    clock.advance(2 * HOUR)

    await deadlines.tick()

    execution, _ = await find(parts, execution_id)
    assert execution.error is not None
    assert execution.error["step"] == "first"
    assert execution.error["message"].endswith("under way: first")


async def test_a_call_behind_steps_that_were_not_recorded_is_named_and_not_recorded(
    parts: Parts, clock: FakeClock, deadlines: Deadlines
) -> None:
    """Pure steps travel with the next commit; a record that does not follow from the others would spoil them all."""
    (execution_id,) = await start(parts)
    await claim(parts, execution_id)
    await beat(parts, {"calls": [{"execution": execution_id, "step": "first", "since": "…"}]})
    clock.advance(2 * HOUR)

    await deadlines.tick()

    execution, steps = await find(parts, execution_id)
    assert execution.error is not None
    assert execution.error["step"] == "first"
    assert steps == {}


async def beat(parts: Parts, details: JsonObject) -> None:
    async with parts.database.write() as uow:
        await uow.liveness.beat(OWNER, now=parts.clock.now(), details=details)
        await uow.commit()


async def test_queued_waiting_and_paused_ones_end_too(parts: Parts, clock: FakeClock, deadlines: Deadlines) -> None:
    queued, waiting, paused = await start(parts, count=3)
    claimed = await claim(parts, waiting)
    nap = step(parts, "nap", 1, StepStatus.WAITING)
    await record(parts, claimed, Status.WAITING, nap)
    pausing = Pausing(database=parts.database, broker=parts.broker, announcements=parts.announcements, clock=clock)
    await pausing.pause(DEFAULT_PROJECT, paused, actor=ACTOR)
    clock.advance(HOUR + 2 * GRACE)

    await deadlines.tick()

    ended = [(await find(parts, each))[0] for each in (queued, waiting, paused)]
    assert [(one.status, one.due_at, one.pause_asked_at) for one in ended] == [(Status.FAILED, None, None)] * 3
    messages = [one.error["message"].partition("; ")[2] for one in ended if one.error]
    assert messages == ["it was still queued", "under way: nap", "it was still paused"]


async def test_one_that_was_ended_goes_on_from_there_when_a_person_wants_it(
    parts: Parts, clock: FakeClock, deadlines: Deadlines
) -> None:
    (execution_id,) = await start(parts)
    claimed = await claim(parts, execution_id)
    done = (step(parts, "nap", 1, StepStatus.WAITING), step(parts, "shape", 2), step(parts, "first", 3))
    await record(parts, claimed, Status.RUNNING, *done, step(parts, "second", 4, StepStatus.RUNNING))
    clock.advance(2 * HOUR)
    await deadlines.tick()
    assert (await find(parts, execution_id))[1]["second"] is StepStatus.UNKNOWN, "the call was announced"

    await parts.control.replay_execution(DEFAULT_PROJECT, execution_id, Choice(), actor=ACTOR)

    again = await claim(parts, execution_id)
    by_path = {each.path: each for each in again.steps}
    assert by_path["nap"].status is StepStatus.WAITING
    assert by_path["nap"].due_at == done[0].due_at
    assert (by_path["first"], by_path["second"].status) == (done[2], StepStatus.RETRYING)
    assert again.deadline_at == clock.now() + HOUR


async def test_a_version_that_cannot_be_read_keeps_nothing_alive(parts: Parts, clock: FakeClock) -> None:
    (execution_id,) = await start(parts)
    clock.advance(2 * HOUR)

    def refuse(_: JsonObject) -> Definition:
        raise DefinitionError("a later release wrote this")

    graphs = Graphs(parts.database, refuse)
    await Deadlines(database=parts.database, broker=parts.broker, graphs=graphs, clock=clock).tick()

    execution, _ = await find(parts, execution_id)
    assert execution.status is Status.FAILED


async def test_more_than_a_batch_ends_in_several_passes(parts: Parts, clock: FakeClock, deadlines: Deadlines) -> None:
    ids = await start(parts, count=4)
    clock.advance(2 * HOUR)

    waits = [await deadlines.tick() for _ in range(2)]

    assert waits[0] == AT_ONCE < waits[1]
    assert [(await find(parts, each))[0].status for each in ids] == [Status.FAILED] * 4


async def test_where_nothing_is_late_nothing_is_written(parts: Parts, deadlines: Deadlines) -> None:
    await start(parts)
    before = parts.database.writes

    assert await deadlines.tick() > AT_ONCE
    assert parts.database.writes == before


async def test_two_at_once_end_it_once(parts: Parts, clock: FakeClock) -> None:
    await start(parts, count=3)
    clock.advance(2 * HOUR)
    graphs = Graphs(parts.database, load_document)
    services = [Deadlines(database=parts.database, broker=parts.broker, graphs=graphs, clock=clock) for _ in range(2)]

    await asyncio.gather(*(service.tick() for service in services))

    async with parts.database.read() as uow:
        letters = await uow.dead_letters.list(DEFAULT_PROJECT, Page())
    assert len(letters) == 3
