"""The recorder keeps what it was given until it is written, and tells the caller who waits."""

import msgspec

from engine.model.base import ExecutionId, ExecutorId, new_id
from engine.model.execution import ExecutionRecord, Response, Status
from engine.recorder import Recorder
from tests.fakes import FakeClock, SwitchedDatabase
from tests.unit.engine.hub import Parts

ME = ExecutorId(new_id())


async def claimed(parts: Parts) -> tuple[ExecutionId, int]:
    text = "name: w\ntriggers: {h: {type: webhook, verify: none}}\nnodes: {a: {type: transform, value: 1}}\n"
    receipt = await parts.intake.accept(parts.event(await parts.trigger(await parts.publish(text), "h")))
    assert receipt.execution_id is not None
    async with parts.database.write() as uow:
        (execution,) = await uow.executions.claim([receipt.execution_id], owner=ME, now=parts.clock.now())
        await uow.commit()
    return execution.id, execution.epoch


def end(execution_id: ExecutionId, epoch: int, clock: FakeClock) -> ExecutionRecord:
    return ExecutionRecord(
        id=execution_id, owner=ME, epoch=epoch, status=Status.SUCCEEDED, output={"n": 1}, finished_at=clock.now()
    )


async def test_a_record_under_an_old_epoch_does_not_count(parts: Parts, clock: FakeClock) -> None:
    execution_id, epoch = await claimed(parts)
    recorder = Recorder(database=parts.database, broker=parts.broker)

    async with recorder.commits:
        assert not await recorder.record(end(execution_id, epoch - 1, clock))
        assert await recorder.record(end(execution_id, epoch, clock))
        assert not await recorder.record(end(execution_id, epoch, clock)), "a final state is final"


async def test_recording_goes_on_when_the_database_is_back(
    parts: Parts, database: SwitchedDatabase, clock: FakeClock
) -> None:
    execution_id, epoch = await claimed(parts)
    database.away = True
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        database.away = len(waits) < 3

    recorder = Recorder(database=database, broker=parts.broker, sleep=sleep)
    async with recorder.commits:
        assert await recorder.record(end(execution_id, epoch, clock))

    assert len(waits) == 3
    assert waits[0] < waits[2], "the pauses grow"


async def test_whoever_waits_is_told_after_the_commit(parts: Parts, clock: FakeClock) -> None:
    execution_id, epoch = await claimed(parts)
    recorder = Recorder(database=parts.database, broker=parts.broker)

    async with recorder.commits, parts.broker.signals("reply.gw") as signals:
        await recorder.record(end(execution_id, epoch, clock), reply_to="gw")
        reply = msgspec.json.decode((await anext(signals)).body)

    assert (reply["execution_id"], reply["status"], reply["output"]) == (execution_id, "succeeded", {"n": 1})


async def test_a_checkpoint_without_a_response_tells_nobody(parts: Parts) -> None:
    execution_id, epoch = await claimed(parts)
    checkpoint = ExecutionRecord(id=execution_id, owner=ME, epoch=epoch, status=Status.RUNNING)
    recorder = Recorder(database=parts.database, broker=parts.broker)

    async with recorder.commits, parts.broker.signals("#") as signals:
        assert await recorder.record(checkpoint, reply_to="gw")
        await parts.broker.signal("end", b"")

        assert (await anext(signals)).topic == "end"


async def test_a_response_in_a_checkpoint_is_told_at_once(parts: Parts) -> None:
    execution_id, epoch = await claimed(parts)
    answer = Response(status=201, body="made")
    checkpoint = ExecutionRecord(id=execution_id, owner=ME, epoch=epoch, status=Status.RUNNING, response=answer)
    recorder = Recorder(database=parts.database, broker=parts.broker)

    async with recorder.commits, parts.broker.signals("reply.gw") as signals:
        await recorder.record(checkpoint, reply_to="gw")
        reply = msgspec.json.decode((await anext(signals)).body)

    assert reply["response"] == {"status": 201, "headers": {}, "body": "made"}
