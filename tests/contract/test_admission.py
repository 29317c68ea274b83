"""When executions may begin, on both databases: each mode, and what is accepted is admitted in the end."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.deadlines import Deadlines
from engine.errors import Conflict
from engine.model.base import DEFAULT_PROJECT
from engine.model.event import Fate
from engine.model.execution import Status
from engine.replay_choices import START as FROM_START
from engine.replay_choices import Choice
from engine.signals import CANCELLED, STIRRED
from tests.hall import Hall, open_hall

pytestmark = pytest.mark.contract

ONE = "concurrency: {limit: 1}"


@pytest.fixture
async def hall(database: SqlDatabase) -> AsyncIterator[Hall]:
    async with open_hall(database, ONE) as opened:
        yield opened


async def test_without_settings_nothing_waits(database: SqlDatabase) -> None:
    async with open_hall(database, "") as hall:
        sent = [await hall.send(n) for n in range(3)]

        assert await hall.ready() == [receipt.execution_id for receipt in sent]


async def test_the_one_over_the_limit_waits_and_says_why(hall: Hall) -> None:
    first, second = await hall.send(1), await hall.send(2)

    waiting = await hall.shown(second.execution_id)
    assert await hall.ready() == [first.execution_id]
    assert (second.fate, second.lane) == (Fate.STARTED, None)
    assert (waiting.status, waiting.wait_reason, waiting.due_at) == (Status.WAITING, "concurrency", None)
    assert [execution_id for _, execution_id in hall.news.told] == [first.execution_id]
    assert [topic for topic, _ in hall.news.signalled] == [STIRRED]


@pytest.mark.parametrize("end", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
async def test_whatever_ends_an_execution_frees_its_slot(hall: Hall, end: Status) -> None:
    first, second = await hall.send(1), await hall.send(2)
    assert first.execution_id is not None

    if end is Status.CANCELLED:
        await hall.control.cancel(DEFAULT_PROJECT, first.execution_id, actor="test")
    else:
        await hall.finish(first.execution_id, end)
    await hall.settle()

    assert await hall.ready() == [second.execution_id]
    assert (await hall.shown(second.execution_id)).wait_reason is None


async def test_a_deleted_execution_frees_its_slot(hall: Hall) -> None:
    first, second = await hall.send(1), await hall.send(2)
    assert first.execution_id is not None

    async with hall.database.write() as uow:
        await uow.executions.delete([first.execution_id])
        await uow.commit()
    await hall.settle()

    assert await hall.ready() == [second.execution_id]


async def test_one_that_waits_for_something_keeps_its_slot(hall: Hall) -> None:
    first, _ = await hall.send(1), await hall.send(2)
    assert first.execution_id is not None
    claimed = await hall.run(first.execution_id)
    await hall.record(claimed, Status.WAITING, due_in=timedelta(hours=1))

    await hall.settle()

    assert await hall.ready() == []


async def test_a_reaped_execution_keeps_its_slot_and_goes_on(hall: Hall) -> None:
    first, _ = await hall.send(1), await hall.send(2)
    assert first.execution_id is not None
    claimed = await hall.run(first.execution_id)
    async with hall.database.write() as uow:
        await uow.executions.requeue(["executor-hall"], now=hall.clock.now(), limit=10)  # type: ignore[list-item]
        await uow.commit()

    await hall.settle()

    assert await hall.ready() == [claimed.id]


async def test_those_that_wait_begin_in_the_order_of_acceptance(hall: Hall) -> None:
    sent = [receipt.execution_id for receipt in [*[await hall.send(n) for n in range(5)], *await hall.send_all([5, 6])]]

    begun = []
    for _ in sent:
        [ready] = await hall.ready()
        begun.append(ready)
        await hall.finish(ready)
        await hall.settle()

    assert begun == sent


async def test_a_late_event_does_not_overtake_those_that_wait_while_a_slot_is_free(hall: Hall) -> None:
    first, second = await hall.send(1), await hall.send(2)
    assert first.execution_id is not None
    await hall.finish(first.execution_id)

    third = await hall.send(3)
    await hall.settle()

    assert await hall.ready() == [second.execution_id]
    assert await hall.waiting() == [third.execution_id]


async def test_a_clock_that_is_behind_does_not_change_the_order(hall: Hall) -> None:
    sent = [await hall.send(0), await hall.send(1)]
    hall.clock.advance(-3600)
    sent.append(await hall.send(2))

    begun = []
    for _ in sent:
        [ready] = await hall.ready()
        begun.append(ready)
        await hall.finish(ready)
        await hall.settle()

    assert begun == [receipt.execution_id for receipt in sent]


async def test_each_key_has_its_own_limit(database: SqlDatabase) -> None:
    async with open_hall(database, 'concurrency: {key: "{{ trigger.data.who }}"}') as hall:
        sent = [(await hall.send({"who": who})).execution_id for who in ("a", "a", "b", None)]

        assert await hall.ready() == [sent[0], sent[2], sent[3]]


async def test_a_key_that_fails_makes_the_event_dead(database: SqlDatabase) -> None:
    async with open_hall(database, 'concurrency: {key: "{{ 1 / trigger.data }}"}') as hall:
        receipt = await hall.send(0)

        assert (receipt.fate, receipt.execution_id) == (Fate.DEAD, None)
        assert "a key in the workflow's settings failed" in receipt.reason
        assert await hall.difference() == 0


async def test_one_that_waits_can_be_cancelled(hall: Hall) -> None:
    sent = [await hall.send(n) for n in range(3)]
    ids = [receipt.execution_id for receipt in sent if receipt.execution_id is not None]

    await hall.control.cancel(DEFAULT_PROJECT, ids[1], actor="test")
    await hall.finish(ids[0])
    await hall.settle()

    assert await hall.ready() == [ids[2]]
    assert (await hall.shown(ids[1])).status is Status.CANCELLED


async def test_one_whose_time_is_up_before_it_could_begin_fails(database: SqlDatabase) -> None:
    async with open_hall(database, f"{ONE}, timeout: 1h") as hall:
        _, second = await hall.send(1), await hall.send(2)
        hall.clock.advance(timedelta(hours=1, seconds=6))

        graphs, broker = hall.parts.graphs, hall.parts.broker
        await Deadlines(database=hall.database, broker=broker, graphs=graphs, clock=hall.clock).tick()

        late = await hall.shown(second.execution_id)
        assert late.status is Status.FAILED
        assert late.error is not None
        assert late.error["code"] == "execution_timeout"
        assert await hall.difference() == 0


async def test_a_replay_of_one_that_never_began_waits_anew(database: SqlDatabase) -> None:
    async with open_hall(database, f"{ONE}, timeout: 1h") as hall:
        first, second = (await hall.send(1)).execution_id, (await hall.send(2)).execution_id
        assert first is not None
        assert second is not None
        hall.clock.advance(timedelta(hours=1, seconds=6))
        graphs, broker = hall.parts.graphs, hall.parts.broker
        await Deadlines(database=hall.database, broker=broker, graphs=graphs, clock=hall.clock).tick()

        await hall.control.replay_execution(DEFAULT_PROJECT, first, Choice(), actor="test")
        await hall.control.replay_execution(DEFAULT_PROJECT, second, Choice(), actor="test")
        await hall.settle()

        assert await hall.ready() == [first]
        assert await hall.waiting() == [second]
        await hall.finish(first)
        await hall.settle()
        assert await hall.ready() == [second]


async def test_skip_leaves_out_what_finds_no_slot_and_says_so(database: SqlDatabase) -> None:
    async with open_hall(database, 'concurrency: {key: "{{ trigger.data }}", mode: skip}') as hall:
        first, second = await hall.send("a", key="1"), await hall.send("a", key="2")
        again = await hall.send("a", key="2")

        assert (second.fate, second.execution_id) == (Fate.SKIPPED, None)
        assert second.reason.startswith('another execution is alive with the concurrency key "a"')
        stored = await hall.event(second)
        assert (stored.fate, stored.reason, stored.execution_id) == (Fate.SKIPPED, second.reason, None)
        assert (again.duplicate, again.fate) == (True, Fate.SKIPPED)
        assert await hall.having(*Status) == [first.execution_id]
        assert await hall.difference() == 0


async def test_skip_refuses_a_rerun_while_no_slot_is_free(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: skip}") as hall:
        first = (await hall.send(1)).execution_id
        assert first is not None

        with pytest.raises(Conflict, match="another execution is alive"):
            await hall.control.rerun(DEFAULT_PROJECT, first, actor="test")
        await hall.finish(first)
        fresh = await hall.control.rerun(DEFAULT_PROJECT, first, actor="test")

        assert await hall.ready() == [fresh]


async def test_restart_cancels_the_oldest_and_begins_at_once(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {limit: 2, mode: restart}") as hall:
        sent = [(await hall.send(n)).execution_id for n in range(3)]

        oldest = await hall.shown(sent[0])
        assert await hall.ready() == sent[1:]
        assert oldest.status is Status.CANCELLED
        assert oldest.error is not None
        assert "displaced by a newer execution" in oldest.error["message"]
        assert sent[0] is not None
        assert (CANCELLED, sent[0].encode()) in hall.news.signalled


async def test_restart_within_one_transaction_leaves_the_newest(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: restart}") as hall:
        sent = await hall.send_all([1, 2, 3])

        assert await hall.ready() == [sent[-1].execution_id]
        assert len(await hall.having(Status.CANCELLED)) == 2
        assert await hall.difference() == 0


async def test_coalesce_lets_one_wait_and_merges_the_others_into_it(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: coalesce}") as hall:
        first = await hall.send(0)
        second, third = await hall.send(1), await hall.send(2)
        fourth = await hall.send_all([3])

        assert (second.fate, third.fate, fourth[0].fate) == (Fate.STARTED, Fate.MERGED, Fate.MERGED)
        assert third.execution_id == second.execution_id == fourth[0].execution_id
        assert await hall.waiting() == [second.execution_id]
        assert await hall.difference() == 0

        assert first.execution_id is not None
        await hall.finish(first.execution_id)
        await hall.settle()
        [ready] = await hall.ready()
        claimed = await hall.run(ready)
        assert claimed.data == 3
        assert claimed.envelope["coalesced"] == [1, 2, 3]
        assert claimed.envelope["coalesced_count"] == 3
        assert await hall.difference() == 0


async def test_one_that_merged_nothing_sees_its_own_event(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: coalesce}") as hall:
        first, second = await hall.send(0), await hall.send(1)
        assert first.execution_id is not None
        assert second.execution_id is not None

        await hall.finish(first.execution_id)
        await hall.settle()

        claimed = await hall.run(second.execution_id)
        assert (claimed.event_id, claimed.data, claimed.envelope) == (second.event_id, 1, {})


async def test_what_an_execution_merged_goes_with_it(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: coalesce}") as hall:
        first, second, _ = await hall.send(0), await hall.send(1), await hall.send(2)
        assert first.execution_id is not None
        assert second.execution_id is not None
        await hall.finish(first.execution_id)
        await hall.settle()
        await hall.finish(second.execution_id)
        rerun = await hall.control.replay_execution(
            DEFAULT_PROJECT, second.execution_id, Choice(begin=FROM_START), actor="test"
        )
        assert (await hall.finish(rerun)).envelope["coalesced"] == [1, 2]

        async def delete(*ids: str) -> int:
            async with hall.database.write() as uow:
                await uow.executions.delete(list(ids))  # type: ignore[arg-type]
                await uow.commit()
            assert await hall.difference() == 0
            return len(await hall.events())

        assert await delete(second.execution_id) == 4, "the rerun still needs them"
        assert await delete(rerun) == 1
        assert await delete(first.execution_id) == 0


async def test_a_rerun_waits_for_its_turn_and_is_never_merged(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: coalesce}") as hall:
        first = (await hall.send(0)).execution_id
        assert first is not None
        await hall.finish(first)
        second, third = await hall.send(1), await hall.send(2)

        fresh = await hall.control.rerun(DEFAULT_PROJECT, first, actor="test")
        fourth = await hall.send(3)

        assert await hall.waiting() == [third.execution_id, fresh, fourth.execution_id]
        assert await hall.ready() == [second.execution_id]
        assert fourth.fate is Fate.STARTED


async def test_a_replay_from_the_failed_step_waits_for_a_slot(hall: Hall) -> None:
    first, second = (await hall.send(1)).execution_id, (await hall.send(2)).execution_id
    assert first is not None
    assert second is not None
    await hall.finish(first, Status.FAILED)
    await hall.settle()
    hall.news.told.clear()

    await hall.control.replay_execution(DEFAULT_PROJECT, first, Choice(), actor="test")

    assert (await hall.shown(first)).wait_reason == "concurrency"
    assert hall.news.told == []
    await hall.finish(second)
    await hall.settle()
    assert await hall.ready() == [first]
    await hall.finish(first)
    assert await hall.difference() == 0


async def test_a_replay_takes_a_free_slot_at_once(hall: Hall) -> None:
    first = (await hall.send(1)).execution_id
    assert first is not None
    await hall.finish(first, Status.FAILED)

    await hall.control.replay_execution(DEFAULT_PROJECT, first, Choice(), actor="test")
    second = await hall.send(2)

    assert await hall.ready() == [first]
    assert await hall.waiting() == [second.execution_id]


async def test_released_events_pass_the_same_gates_in_order(hall: Hall) -> None:
    key = hall.workflow.id
    await hall.parts.publishing.pause(DEFAULT_PROJECT, key, actor="test")
    held = [await hall.send(n) for n in range(3)]
    await hall.parts.publishing.resume(DEFAULT_PROJECT, key, actor="test")

    await hall.releaser.tick()

    started = [(await hall.event(receipt)).execution_id for receipt in held]
    assert await hall.ready() == started[:1]
    assert await hall.waiting() == started[1:]


async def test_a_published_limit_counts_at_once_for_those_that_wait(hall: Hall) -> None:
    sent = [(await hall.send(n)).execution_id for n in range(4)]

    await hall.change("concurrency: {limit: 3}")
    await hall.settle()

    assert await hall.ready() == sent[:3]


async def test_parallel_without_a_limit_limits_nothing(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: parallel}") as hall:
        sent = [(await hall.send(n)).execution_id for n in range(3)]

        assert await hall.ready() == sent


async def test_parallel_with_a_limit_lets_the_others_wait(database: SqlDatabase) -> None:
    async with open_hall(database, "concurrency: {mode: parallel, limit: 2}") as hall:
        sent = [(await hall.send(n)).execution_id for n in range(3)]

        assert await hall.ready() == sent[:2]
        assert await hall.waiting() == sent[2:]
