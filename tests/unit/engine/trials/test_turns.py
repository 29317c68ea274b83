"""Turns at trials: few at once, few that wait, and nobody waits for ever."""

import asyncio
from datetime import timedelta

import pytest

from engine.errors import Unavailable
from engine.trials.turns import Lent, Turns, in_thread
from engine.workers import Ending, Language, Ran, Run


async def test_no_more_than_allowed_run_at_once_and_the_next_gets_its_turn() -> None:
    turns = Turns(at_once=1, waiting=1)
    order: list[str] = []
    held = asyncio.Event()

    async def take(name: str, until: asyncio.Event) -> None:
        async with turns.take():
            order.append(name)
            await until.wait()

    go = asyncio.Event()
    go.set()
    async with asyncio.TaskGroup() as group:
        group.create_task(take("first", held))
        await asyncio.sleep(0)
        group.create_task(take("second", go))
        await asyncio.sleep(0)
        assert order == ["first"]
        held.set()

    assert order == ["first", "second"]


async def test_too_many_waiting_are_refused_at_once_and_one_that_waits_too_long_later() -> None:
    turns = Turns(at_once=1, waiting=1, patience=timedelta(milliseconds=10))

    async with turns.take():
        with pytest.raises(Unavailable, match="try again"):
            async with turns.take():
                raise AssertionError
        none = Turns(at_once=1, waiting=0)
        async with none.take():
            with pytest.raises(Unavailable):
                await none.take().__aenter__()

    async with turns.take():
        pass


async def test_work_in_a_thread_has_a_loop_of_its_own_and_may_use_workers_of_the_other_one() -> None:
    outer = asyncio.get_running_loop()
    loops: list[asyncio.AbstractEventLoop] = []

    class Here:
        async def run(self, run: Run) -> Ran:
            loops.append(asyncio.get_running_loop())
            return Ran(ending=Ending.RETURNED, value=run.source)

    async def work() -> Ran:
        assert asyncio.get_running_loop() is not outer
        run = Run(language=Language.JAVASCRIPT, source="1", names={}, time=1, memory=1, output=1, console=1)
        return await Lent(Here(), outer).run(run)

    ran = await in_thread(work)

    assert (ran.value, loops) == ("1", [outer])
