"""A claim whose commit was made but whose answer was lost: the executor must not wait for somebody else to run it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from engine.attempts import Tools
from engine.errors import Unavailable
from engine.executor import Executor
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, new_id
from engine.model.execution import Execution, Status
from engine.model.workflow import Lane
from engine.ports import UnitOfWork
from engine.reaper import Heartbeat
from engine.recorder import Recorder
from tests.fakes import FakeClock, SwitchedDatabase
from tests.unit.engine.hub import Parts

TEXT = "name: w\ntriggers: {h: {type: webhook, verify: none}}\nnodes: {a: {type: transform, value: 1}}\n"
PATIENCE_SECONDS = 5


class ForgetfulDatabase:
    """Loses the connection after the next ``losses`` commits, or before them where ``commits`` is false."""

    def __init__(self, database: SwitchedDatabase, *, losses: int, commits: bool) -> None:
        self._database = database
        self._losses = losses
        self._commits = commits

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        lost = self._losses > 0
        self._losses -= 1
        if lost and not self._commits:
            raise Unavailable("the connection was lost before the commit")
        async with self._database.write() as uow:
            yield uow
        if lost:
            raise Unavailable("the connection was lost after the commit")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[UnitOfWork]:
        async with self._database.read() as uow:
            yield uow

    async def check(self) -> None:
        await self._database.check()


async def accepted(parts: Parts) -> ExecutionId:
    receipt = await parts.intake.accept(parts.event(await parts.trigger(await parts.publish(TEXT), "h")))
    assert receipt.execution_id is not None
    return receipt.execution_id


@asynccontextmanager
async def running(parts: Parts, database: ForgetfulDatabase, clock: FakeClock) -> AsyncIterator[Executor]:
    """An executor that claims through ``database`` and does everything else through the real one."""
    owner = ExecutorId(new_id())
    recorder = Recorder(database=parts.database, broker=parts.broker)
    async with recorder.commits, Heartbeat(parts.database, clock, owner) as heartbeat:
        tools = Tools(
            owner=owner,
            effects={},
            recorder=recorder,
            clock=clock,
            jitter=lambda: 0.0,
            is_alive=lambda: heartbeat.alive,
        )
        executor = Executor(
            database=database,
            broker=parts.broker,
            graphs=parts.graphs,
            tools=tools,
            heartbeat=heartbeat,
            concurrency=10,
            sleep=lambda _: asyncio.sleep(0),
        )
        async with executor.claims:
            work = asyncio.create_task(executor.run(grace=timedelta(seconds=1)))
            yield executor
            work.cancel()
            await asyncio.wait([work])


async def ended(parts: Parts, execution_id: ExecutionId) -> Execution:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with parts.database.read() as uow:
                found = await uow.executions.find(DEFAULT_PROJECT, execution_id)
            if found is not None and found.status.is_final:
                return found
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("commits", [True, False], ids=["after the commit", "before the commit"])
async def test_an_execution_whose_claim_lost_its_answer_is_run_by_the_same_executor(
    parts: Parts, clock: FakeClock, *, commits: bool
) -> None:
    execution_id = await accepted(parts)

    async with running(parts, ForgetfulDatabase(parts.database, losses=2, commits=commits), clock) as executor:
        await parts.broker.publish(Lane.NORMAL, [execution_id])
        found = await ended(parts, execution_id)

    assert found.status is Status.SUCCEEDED
    assert executor.busy == 0
