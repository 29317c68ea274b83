"""Many processes at once: limits are exact, orders are kept, and whatever happens everybody is admitted in the end."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from db.session import SqlDatabase
from engine.model.base import DEFAULT_PROJECT, ExecutionId
from engine.model.event import Fate
from engine.model.execution import Status
from tests.contract.database_kits import DATABASES, open_databases
from tests.hall import Hall

pytestmark = pytest.mark.contract

GATEWAYS = 6
ALIVE = (Status.QUEUED, Status.RUNNING)


@pytest.fixture(params=DATABASES)
async def crowd(request: pytest.FixtureRequest) -> AsyncIterator[Sequence[SqlDatabase]]:
    async with open_databases(request, count=GATEWAYS) as opened:
        yield opened


@asynccontextmanager
async def gateways(crowd: Sequence[SqlDatabase], settings: str) -> AsyncIterator[list[Hall]]:
    """As many hubs on one database, each with intake and admitter of its own, which know nothing of each other."""
    halls = [Hall(database) for database in crowd]
    async with AsyncExitStack() as stack:
        for hall in halls:
            await stack.enter_async_context(hall.parts.intake.commits)
        await halls[0].publish(settings)
        for hall in halls[1:]:
            hall.workflow, hall.trigger, hall.clock = halls[0].workflow, halls[0].trigger, halls[0].clock
        yield halls


async def flood(halls: Sequence[Hall], count: int, keys: int) -> None:
    """So many transactions, several at once on every gateway; one event each."""

    async def send(hall: Hall, number: int) -> None:
        await hall.send_all([{"key": number % keys, "n": number}])

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(send(halls[number % len(halls)], number))


async def test_intakes_at_once_never_exceed_the_limit(crowd: Sequence[SqlDatabase]) -> None:
    settings = 'concurrency: {key: "{{ trigger.data.key }}", limit: 2}'
    async with gateways(crowd, settings) as halls:
        await flood(halls, 72, keys=3)

        assert len(await halls[0].ready()) == 6, "two of each key"
        assert len(await halls[0].waiting()) == 66


async def test_each_key_begins_exactly_in_the_order_of_its_commits(crowd: Sequence[SqlDatabase]) -> None:
    async with gateways(crowd, 'concurrency: {key: "{{ trigger.data.key }}"}') as halls:
        orders: dict[int, list[ExecutionId]] = {0: [], 1: []}

        async def sender(hall: Hall, key: int) -> None:
            for _ in range(4):
                receipt = await hall.send({"key": key})
                assert receipt.execution_id is not None
                orders[key].append(receipt.execution_id)

        # Of one key only one event is on its way at a time, from ever other gateways: so its order is known.
        async def key_in_turn(key: int) -> None:
            for turn in range(6):
                await sender(halls[(turn + key) % GATEWAYS], key)

        async with asyncio.TaskGroup() as group:
            group.create_task(key_in_turn(0))
            group.create_task(key_in_turn(1))
        begun: dict[int, list[ExecutionId]] = {0: [], 1: []}
        while ready := await halls[0].ready():
            for execution_id in ready:
                claimed = await halls[0].finish(execution_id)
                assert isinstance(claimed.data, dict)
                begun[claimed.data["key"]].append(execution_id)
            async with asyncio.TaskGroup() as group:  # several admitters at once
                for hall in halls[:3]:
                    group.create_task(hall.settle(2))

        assert begun == orders


async def test_coalescing_at_once_leaves_one_running_and_one_waiting_that_lost_nothing(
    crowd: Sequence[SqlDatabase],
) -> None:
    async with gateways(crowd, "concurrency: {mode: coalesce}") as halls:
        await flood(halls, 48, keys=1)

        [ready], [waiting] = await halls[0].ready(), await halls[0].waiting()
        events = await halls[0].events()
        assert sorted(event.fate for event in events) == [*[Fate.MERGED] * 46, *[Fate.STARTED] * 2]
        assert {event.execution_id for event in events} == {ready, waiting}
        seen = (await halls[0].finish(ready)).data
        await halls[0].settle()
        coalesced = (await halls[0].run(waiting)).envelope["coalesced"]
        assert sorted(value["n"] for value in [seen, *coalesced]) == list(range(48))


async def test_skipping_at_once_lets_exactly_the_limit_through(crowd: Sequence[SqlDatabase]) -> None:
    async with gateways(crowd, "concurrency: {limit: 3, mode: skip}") as halls:
        await flood(halls, 48, keys=1)

        assert len(await halls[0].having(*Status)) == 3
        assert await halls[0].difference() == 0


async def test_restarting_at_once_leaves_exactly_the_limit_alive(crowd: Sequence[SqlDatabase]) -> None:
    async with gateways(crowd, "concurrency: {limit: 2, mode: restart}") as halls:
        await flood(halls, 36, keys=1)

        assert len(await halls[0].ready()) == 2
        assert len(await halls[0].having(Status.CANCELLED)) == 34


async def test_batches_at_once_are_exactly_full_and_lose_nothing(crowd: Sequence[SqlDatabase]) -> None:
    async with gateways(crowd, "batch: {size: 5, for: 1h}") as halls:
        await flood(halls, 50, keys=1)
        async with asyncio.TaskGroup() as group:
            for hall in halls:
                group.create_task(hall.settle(4))

        batches = [(await halls[0].finish(ready)).data for ready in await halls[0].ready()]
        assert [len(batch) for batch in batches if isinstance(batch, list)] == [5] * 10
        assert sorted(value["n"] for batch in batches for value in batch) == list(range(50))


async def test_a_throttle_is_exact_with_many_gateways_and_admitters(crowd: Sequence[SqlDatabase]) -> None:
    async with gateways(crowd, "throttle: {limit: 4, per: 10s}") as halls:
        await flood(halls, 36, keys=1)
        for hall in halls[1:]:
            hall.admitter = type(hall.admitter)(
                database=hall.database, graphs=hall.parts.graphs, tells=hall.news, clock=halls[0].clock
            )

        for period in range(1, 10):
            assert len(await halls[0].ready()) == 4 * period
            halls[0].clock.advance(10)
            async with asyncio.TaskGroup() as group:
                for hall in halls:
                    group.create_task(hall.settle(2))
        assert await halls[0].waiting() == []


async def test_never_more_than_the_limit_are_alive_and_all_begin_whatever_happens(
    crowd: Sequence[SqlDatabase],
) -> None:
    settings = 'concurrency: {key: "{{ trigger.data.key }}", limit: 2}'
    chance = random.Random(7)
    async with gateways(crowd, settings) as halls:
        sending = asyncio.create_task(flood(halls, 60, keys=2))
        ended = 0
        while ended < 60:
            for hall in chance.sample(halls, 2):
                await hall.settle(1)
            alive = await halls[0].having(*ALIVE)
            assert len(alive) <= 4
            for execution_id in alive:
                await end_somehow(halls[0], execution_id, chance)
            ended += len(alive)
        await sending

        assert await halls[0].having(*ALIVE, Status.WAITING) == []
        assert await halls[0].difference() == 0


async def end_somehow(hall: Hall, execution_id: ExecutionId, chance: random.Random) -> None:
    """Succeed, fail, be cancelled, or vanish."""
    match chance.randrange(4):
        case 0:
            await hall.finish(execution_id)
        case 1:
            await hall.finish(execution_id, Status.FAILED)
        case 2:
            await hall.control.cancel(DEFAULT_PROJECT, execution_id, actor="test")
        case _:
            async with hall.database.write() as uow:
                await uow.executions.delete([execution_id])
                await uow.commit()
