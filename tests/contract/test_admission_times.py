"""Throttle, debounce and batch, alone and together with a limit on both databases."""

from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import DEFAULT_PROJECT
from engine.model.event import Fate
from engine.model.execution import Status
from tests.hall import Hall, open_hall

pytestmark = pytest.mark.contract

SECOND = timedelta(seconds=1)


async def test_a_throttle_lets_so_many_begin_in_any_period_and_the_rest_wait_in_order(database: SqlDatabase) -> None:
    async with open_hall(database, "throttle: {limit: 2, per: 10s}") as hall:
        sent = [(await hall.send(0)).execution_id]
        hall.clock.advance(4)
        sent += [(await hall.send(n)).execution_id for n in range(4)]
        assert await hall.ready() == sent[:2]
        assert (await hall.shown(sent[2])).wait_reason == "throttle"

        hall.clock.advance(6)
        await hall.settle()
        assert await hall.ready() == sent[:3], "the first start is 10 s ago, the second 6 s"
        hall.clock.advance(4)
        await hall.settle()
        assert await hall.ready() == sent[:4]
        hall.clock.advance(6)
        await hall.settle()
        assert await hall.ready() == sent


async def test_an_ended_execution_still_counts_as_a_start(database: SqlDatabase) -> None:
    async with open_hall(database, "throttle: {limit: 1, per: 10s}") as hall:
        first = (await hall.send(0)).execution_id
        assert first is not None
        await hall.finish(first)

        second = await hall.send(1)

        assert await hall.waiting() == [second.execution_id]


async def test_a_cancelled_one_uses_no_start(database: SqlDatabase) -> None:
    async with open_hall(database, "throttle: {limit: 1, per: 10s}") as hall:
        sent = [(await hall.send(n)).execution_id for n in range(3)]
        assert sent[1] is not None
        await hall.control.cancel(DEFAULT_PROJECT, sent[1], actor="test")

        hall.clock.advance(10)
        await hall.settle()

        assert await hall.ready() == [sent[0], sent[2]]


async def test_the_admitter_sleeps_until_the_next_start_is_free(database: SqlDatabase) -> None:
    async with open_hall(database, "throttle: {limit: 1, per: 1s}") as hall:
        await hall.send(0)
        hall.clock.advance(0.7)
        await hall.send(1)
        await hall.settle()

        assert await hall.admitter.tick() == timedelta(milliseconds=300)


async def test_with_a_limit_an_execution_holds_its_slot_while_it_waits_for_its_start(database: SqlDatabase) -> None:
    settings = 'concurrency: {key: "{{ trigger.data }}"}, throttle: {limit: 1, per: 10s}'
    async with open_hall(database, settings) as hall:
        first, second, third = [(await hall.send(who)).execution_id for who in ("a", "a", "b")]
        await hall.settle()
        assert await hall.ready() == [first]
        assert [(await hall.shown(i)).wait_reason for i in (second, third)] == ["concurrency", "throttle"]

        assert first is not None
        await hall.finish(first)
        hall.clock.advance(10)
        await hall.settle()
        assert await hall.ready() == [third], "it has its slot for longer"
        hall.clock.advance(10)
        await hall.settle()
        assert await hall.ready() == [second, third]


async def test_debounce_starts_once_with_the_newest_when_events_have_stopped(database: SqlDatabase) -> None:
    async with open_hall(database, "debounce: {for: 5s}") as hall:
        first = await hall.send(0)
        hall.clock.advance(4)
        second = await hall.send(1)
        hall.clock.advance(4)
        await hall.settle()
        assert (first.fate, second.fate, second.execution_id) == (Fate.STARTED, Fate.MERGED, first.execution_id)
        waiting = await hall.shown(first.execution_id)
        assert (waiting.wait_reason, waiting.due_at) == ("debounce", hall.clock.now() + SECOND)

        hall.clock.advance(1)
        await hall.settle()
        [ready] = await hall.ready()
        claimed = await hall.run(ready)
        assert (claimed.data, claimed.envelope["coalesced"]) == (1, [0, 1])
        assert await hall.difference() == 0


async def test_debounce_waits_no_longer_than_max(database: SqlDatabase) -> None:
    async with open_hall(database, "debounce: {for: 5s, max: 8s}") as hall:
        await hall.send(0)
        for n in range(2):
            hall.clock.advance(4)
            await hall.send(n + 1)
        await hall.settle()

        [ready] = await hall.ready()
        assert (await hall.run(ready)).envelope["coalesced"] == [0, 1]
        assert len(await hall.waiting()) == 1, "what comes at the end begins anew"


async def test_a_batch_begins_when_it_is_full(database: SqlDatabase) -> None:
    async with open_hall(database, "batch: {size: 3, for: 1m}") as hall:
        receipts = [await hall.send(n) for n in range(2)]
        await hall.settle()
        assert await hall.ready() == []
        receipts += await hall.send_all([2, 3])
        await hall.settle()

        [ready] = await hall.ready()
        assert (await hall.run(ready)).data == [0, 1, 2]
        assert [receipt.fate for receipt in receipts] == [Fate.STARTED, Fate.MERGED, Fate.MERGED, Fate.STARTED]
        assert len(await hall.waiting()) == 1
        assert await hall.difference() == 0


async def test_a_batch_begins_when_its_time_has_come_even_with_one_event(database: SqlDatabase) -> None:
    async with open_hall(database, 'batch: {key: "{{ trigger.data }}", size: 3, for: 1m}') as hall:
        first, other = await hall.send("a"), await hall.send("b")
        hall.clock.advance(timedelta(minutes=1))

        await hall.settle()

        assert await hall.ready() == [first.execution_id, other.execution_id]
        assert first.execution_id is not None
        assert (await hall.run(first.execution_id)).data == ["a"]


async def test_batches_of_a_key_run_one_at_a_time_in_order(database: SqlDatabase) -> None:
    async with open_hall(database, "batch: {size: 2, for: 1m}, concurrency: {limit: 1}") as hall:
        receipts = await hall.send_all([0, 1, 2, 3, 4, 5])
        started = [receipt.execution_id for receipt in receipts if receipt.fate is Fate.STARTED]

        seen = []
        for _ in started:
            await hall.settle()
            [ready] = await hall.ready()
            seen.append((await hall.finish(ready)).data)

        assert seen == [[0, 1], [2, 3], [4, 5]]


async def test_large_data_are_collected_whole(database: SqlDatabase) -> None:
    big = "x" * 200_000
    async with open_hall(database, "batch: {size: 2, for: 1m}") as hall:
        await hall.send([big, 1])
        await hall.send([big, 2])
        await hall.settle()

        [ready] = await hall.ready()
        assert (await hall.run(ready)).data == [[big, 1], [big, 2]]


async def test_debounced_executions_displace_each_other(database: SqlDatabase) -> None:
    async with open_hall(database, "debounce: {for: 1s}, concurrency: {mode: restart}") as hall:
        first = await hall.send(0)
        hall.clock.advance(1)
        await hall.settle()
        second = await hall.send(1)
        hall.clock.advance(1)
        await hall.settle()

        assert await hall.having(Status.CANCELLED) == [first.execution_id]
        assert await hall.ready() == [second.execution_id]


async def test_what_is_collected_can_be_paused_and_goes_on_where_it_was(database: SqlDatabase) -> None:
    async with open_hall(database, "debounce: {for: 1s}, concurrency: {limit: 1}") as hall:
        first = (await hall.send(0)).execution_id
        assert first is not None
        async with hall.database.write() as uow:
            await uow.executions.pause(first, now=hall.clock.now())
            await uow.commit()
        hall.clock.advance(5)
        await hall.settle()
        assert (await hall.shown(first)).status is Status.PAUSED

        async with hall.database.write() as uow:
            assert await uow.executions.unpause(first, now=hall.clock.now()) is not None
            await uow.commit()
        assert await hall.ready() == [], "resuming opens no gate"
        await hall.settle()
        assert await hall.ready() == [first]


async def test_what_waits_survives_the_processes(database: SqlDatabase) -> None:
    async with open_hall(database, "debounce: {for: 5s}") as hall:
        first = await hall.send(0)
        other = Hall(hall.database, hall.clock)
        other.trigger, other.workflow = hall.trigger, hall.workflow
        async with other.parts.intake.commits:
            merged = await other.send(1)
        hall.clock.advance(5)
        await other.settle()

        assert merged.execution_id == first.execution_id
        assert await other.ready() == [first.execution_id]
