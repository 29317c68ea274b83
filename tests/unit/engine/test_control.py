"""People's acts on executions: cancel, rerun, replay and discard dead letters, each once and with an audit row."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from engine.errors import Conflict, NotFound
from engine.fingerprint import fingerprint
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, TriggerId, new_id
from engine.model.execution import (
    Claimed,
    DeadLetter,
    Execution,
    ExecutionRecord,
    Failure,
    Status,
    StepRecord,
    StepStatus,
)
from engine.replay_choices import Choice
from engine.repositories import Page
from tests.unit.engine.hub import ACTOR, Parts

ME = ExecutorId(new_id())
TEXT = """
name: orders
triggers: {hook: {type: webhook, verify: none}}
nodes: {a: {type: transform, value: 1}}
"""


async def start(parts: Parts) -> tuple[TriggerId, ExecutionId]:
    trigger = await parts.trigger(await parts.publish(TEXT), "hook")
    receipt = await parts.intake.accept(parts.event(trigger, {"n": 1}))
    assert receipt.execution_id is not None
    return trigger, receipt.execution_id


async def claim(parts: Parts, execution_id: ExecutionId) -> Sequence[Claimed]:
    async with parts.database.write() as uow:
        claimed = await uow.executions.claim([execution_id], owner=ME, now=parts.clock.now())
        await uow.commit()
    return claimed


async def fail(parts: Parts, execution_id: ExecutionId) -> DeadLetter:
    """Claim the execution and record that its only step failed."""
    (claimed,) = await claim(parts, execution_id)
    now = parts.clock.now()
    error = Failure(code="remote_rejected", message="no", step="a")
    letter = DeadLetter(
        id=new_id(),
        project_id=claimed.project_id,
        workflow_id=claimed.workflow_id,
        execution_id=claimed.id,
        step="a",
        code=error.code,
        message=error.message,
        fingerprint=fingerprint("a", error.code, error.message),
        created_at=now,
    )
    step = StepRecord(
        path="a", node="a", attempt=1, seq=1, status=StepStatus.FAILED, started_at=now, finished_at=now, error=error
    )
    assert await record(parts, claimed, Status.FAILED, steps=(step,), error=error, letter=letter)
    return letter


async def record(
    parts: Parts,
    claimed: Claimed,
    status: Status,
    *,
    steps: tuple[StepRecord, ...] = (),
    error: Failure | None = None,
    letter: DeadLetter | None = None,
) -> bool:
    written = ExecutionRecord(
        id=claimed.id,
        owner=ME,
        epoch=claimed.epoch,
        status=status,
        steps=steps,
        error=error,
        dead_letter=letter,
        finished_at=parts.clock.now(),
    )
    async with parts.database.write() as uow:
        counted = await uow.executions.record([written])
        await uow.commit()
    return claimed.id in counted


async def find(parts: Parts, execution_id: ExecutionId) -> Execution:
    async with parts.database.read() as uow:
        execution = await uow.executions.find(DEFAULT_PROJECT, execution_id)
    assert execution is not None
    return execution


async def test_cancelling_ends_a_running_execution_and_its_owners_later_writes_change_nothing(parts: Parts) -> None:
    trigger, execution_id = await start(parts)
    (claimed,) = await claim(parts, execution_id)

    await parts.control.cancel(DEFAULT_PROJECT, execution_id, actor=ACTOR, reason="wrong order")

    assert not await record(parts, claimed, Status.SUCCEEDED)
    execution = await find(parts, execution_id)
    assert execution.status is Status.CANCELLED
    assert execution.error is not None
    assert "wrong order" in execution.error["message"]
    async with parts.database.read() as uow:
        assert (await uow.executions.balance(trigger)).difference == 0


async def test_cancelling_tells_the_owner(parts: Parts) -> None:
    _, execution_id = await start(parts)
    async with parts.broker.signals("execution.cancelled") as signals:
        await parts.control.cancel(DEFAULT_PROJECT, execution_id, actor=ACTOR)

        assert (await anext(signals)).body == execution_id.encode()


async def test_what_has_ended_cannot_be_cancelled(parts: Parts) -> None:
    _, execution_id = await start(parts)
    await parts.control.cancel(DEFAULT_PROJECT, execution_id, actor=ACTOR)

    with pytest.raises(Conflict, match="cancelled"):
        await parts.control.cancel(DEFAULT_PROJECT, execution_id, actor=ACTOR)
    with pytest.raises(NotFound):
        await parts.control.cancel(DEFAULT_PROJECT, ExecutionId(new_id()), actor=ACTOR)


async def test_a_rerun_is_a_new_execution_of_the_same_event_outside_the_balance(parts: Parts) -> None:
    trigger, execution_id = await start(parts)

    again = await parts.control.rerun(DEFAULT_PROJECT, execution_id, actor=ACTOR)

    old, new = await find(parts, execution_id), await find(parts, again)
    assert (new.event_id, new.rerun_of, new.status) == (old.event_id, execution_id, Status.QUEUED)
    assert parts.announcements.told[-1][1] == again
    async with parts.database.read() as uow:
        balance = await uow.executions.balance(trigger)
    assert (balance.accepted, balance.difference) == (1, 0)


async def test_a_rerun_needs_a_published_version(parts: Parts) -> None:
    _, execution_id = await start(parts)
    await parts.publishing.archive(DEFAULT_PROJECT, "orders", actor=ACTOR)

    with pytest.raises(Conflict, match="archived"):
        await parts.control.rerun(DEFAULT_PROJECT, execution_id, actor=ACTOR)


async def test_a_replay_opens_the_failed_step_for_another_attempt(parts: Parts) -> None:
    trigger, execution_id = await start(parts)
    letter = await fail(parts, execution_id)

    await parts.control.replay(DEFAULT_PROJECT, letter.id, actor=ACTOR)

    assert (await find(parts, execution_id)).status is Status.QUEUED
    assert parts.announcements.told[-1][1] == execution_id
    (claimed,) = await claim(parts, execution_id)
    assert [(step.path, step.status) for step in claimed.steps] == [("a", StepStatus.RETRYING)]
    async with parts.database.read() as uow:
        resolved = await uow.dead_letters.find(DEFAULT_PROJECT, letter.id)
        assert (await uow.executions.balance(trigger)).difference == 0
    assert resolved is not None
    assert (resolved.state, resolved.resolved_by) == ("replayed", ACTOR)


async def test_a_replay_leaves_alone_what_was_handled(parts: Parts) -> None:
    """Its successors were recorded after it: opened again, it would leave them without what they follow from."""
    _, execution_id = await start(parts)
    (claimed,) = await claim(parts, execution_id)
    now = parts.clock.now()
    error = Failure(code="remote_rejected", message="no", step="b")
    handled = StepRecord(
        path="a", node="a", attempt=1, seq=1, status=StepStatus.FAILED, started_at=now, finished_at=now,
        ports=("error",), output={"error": error.as_json()}, error=error,
    )  # fmt: skip
    broken = replace(handled, path="b", node="b", seq=2, ports=(), output=None)
    assert await record(parts, claimed, Status.FAILED, steps=(handled, broken), error=error)

    await parts.control.replay_execution(DEFAULT_PROJECT, execution_id, Choice(), actor=ACTOR)

    (again,) = await claim(parts, execution_id)
    assert again.steps == (handled, replace(broken, status=StepStatus.RETRYING, due_at=now))


async def test_a_dead_letter_is_resolved_once(parts: Parts) -> None:
    _, execution_id = await start(parts)
    letter = await fail(parts, execution_id)
    await parts.control.replay(DEFAULT_PROJECT, letter.id, actor=ACTOR)

    with pytest.raises(Conflict, match="replayed already"):
        await parts.control.replay(DEFAULT_PROJECT, letter.id, actor=ACTOR)
    with pytest.raises(Conflict, match="replayed already"):
        await parts.control.discard(DEFAULT_PROJECT, letter.id, actor=ACTOR)
    with pytest.raises(NotFound):
        await parts.control.replay(DEFAULT_PROJECT, new_id(), actor=ACTOR)


async def test_discarding_leaves_the_execution_failed(parts: Parts) -> None:
    _, execution_id = await start(parts)
    letter = await fail(parts, execution_id)

    await parts.control.discard(DEFAULT_PROJECT, letter.id, actor=ACTOR)

    assert (await find(parts, execution_id)).status is Status.FAILED
    async with parts.database.read() as uow:
        entries = await uow.access.audit_entries(DEFAULT_PROJECT, Page())
        open_ones = await uow.dead_letters.list(DEFAULT_PROJECT, Page(), state="open")
    assert entries[0].action == "dead_letter.discard"
    assert open_ones == []
