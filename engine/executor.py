"""Executors: take messages, claim the executions they name, acknowledge, and drive each one to rest.

The message is gone before the work begins; from the claim on the database knows who owns the execution, and the
heartbeat tells for how long. Losing the claim only means that somebody else goes on from the recorded steps.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from engine.attempts import Tools
from engine.drive import drive
from engine.errors import DefinitionError, NotFound, Unavailable
from engine.graphs import Graphs
from engine.group_commit import GroupCommit
from engine.journal import Journal, OwnershipLost, dead_letter
from engine.model.base import ExecutionId
from engine.model.execution import Claimed, Failure
from engine.model.workflow import Lane
from engine.ports import Broker, Database, Message
from engine.reaper import Heartbeat
from engine.signals import CANCELLED, PAUSING, RESUMED

log = logging.getLogger(__name__)

SHARES = {Lane.HIGH: 0.5, Lane.NORMAL: 0.35, Lane.LOW: 0.15}
"""How the messages under way are divided between the lanes, so that no lane can starve another."""

CLAIM_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0


class Executor:
    """Runs executions of all lanes, at most ``concurrency`` at once. Enter ``claims`` before ``run``."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        graphs: Graphs,
        tools: Tools,
        heartbeat: Heartbeat,
        concurrency: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._broker = broker
        self._graphs = graphs
        self._tools = tools
        self._heartbeat = heartbeat
        self._concurrency = concurrency
        self._sleep = sleep
        self._free = concurrency
        self._freed = asyncio.Event()
        self._drives: dict[ExecutionId, asyncio.Task[None]] = {}
        self._held: set[ExecutionId] = set()
        self._doubtful: set[ExecutionId] = set()
        self.claims: GroupCommit[Sequence[ExecutionId], list[Claimed]] = GroupCommit(self._claim)

    @property
    def busy(self) -> int:
        """How many executions are being driven."""
        return len(self._drives)

    async def run(self, *, grace: timedelta = timedelta(seconds=20)) -> None:
        """Work until cancelled; then take nothing new and give what is running ``grace`` to come to rest.

        What is still running after that stays owned by this executor until its heartbeat row is removed, and is then
        queued again by the reaper.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._obey_people())
            taking = group.create_task(self._take_messages(group))
            try:
                await taking
            except asyncio.CancelledError:
                taking.cancel()
                if self._drives:
                    await asyncio.wait(self._drives.values(), timeout=grace.total_seconds())
                raise

    async def _take_messages(self, group: asyncio.TaskGroup) -> None:
        prefetch = {lane: max(1, round(self._concurrency * share / 16)) for lane, share in SHARES.items()}
        async with self._broker.consume(prefetch=prefetch) as messages:
            async for message in messages:
                while self._free <= 0 or not self._heartbeat.alive:
                    self._freed.clear()
                    await self._capacity()
                self._free -= len(message.ids)
                group.create_task(self._take(message, group))

    async def _capacity(self) -> None:
        """Wait for an execution to end, or a moment, because the heartbeat may have come back."""
        try:
            async with asyncio.timeout(CLAIM_PAUSE_SECONDS):
                await self._freed.wait()
        except TimeoutError:
            pass

    async def _take(self, message: Message, group: asyncio.TaskGroup) -> None:
        claimed = await self._until_claimed(message.ids)
        self._release(len(message.ids) - len(claimed))
        for execution in claimed:
            task = group.create_task(self._drive(execution))
            self._drives[execution.id] = task
        await message.ack()

    async def _until_claimed(self, ids: Sequence[ExecutionId]) -> list[Claimed]:
        """Claim, again and again while the database is away.

        Giving up would be wrong: where the commit was made and only its answer was lost, the executions are ours, and
        while we are alive nobody else runs them.
        """
        pause = CLAIM_PAUSE_SECONDS
        while True:
            try:
                return await self.claims.submit(ids)
            except Unavailable as exc:
                log.warning("claim postponed", extra={"executions": len(ids), "reason": str(exc)})
            await self._sleep(pause * (0.5 + random.random() / 2))  # noqa: S311  jitter is no secret
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _claim(self, batches: Sequence[Sequence[ExecutionId]]) -> list[list[Claimed]]:
        ids = list(dict.fromkeys(execution_id for batch in batches for execution_id in batch))
        doubtful = [execution_id for execution_id in ids if execution_id in self._doubtful - self._held]
        try:
            async with self._database.write() as uow:
                if doubtful:
                    await uow.executions.hand_back(doubtful, owner=self._tools.owner)
                claimed = await uow.executions.claim(ids, owner=self._tools.owner, now=self._tools.clock.now())
                await uow.commit()
        except Unavailable:
            self._doubtful.update(ids)
            raise
        self._doubtful.difference_update(ids)
        by_id = {execution.id: execution for execution in claimed}
        self._held.update(by_id)
        return [[by_id.pop(i) for i in batch if i in by_id] for batch in batches]

    async def _drive(self, claimed: Claimed) -> None:
        try:
            if claimed.damage is not None:
                await self._refuse(claimed, claimed.damage)
                return
            graph = await self._graphs.get(claimed.version_id)
            await drive(claimed, graph.part(claimed.entry) if claimed.entry else graph, self._tools)
        except* OwnershipLost:
            log.info("execution belongs to somebody else now", extra={"execution_id": claimed.id})
        except* (DefinitionError, NotFound) as group:
            await self._refuse(claimed, str(group.exceptions[0]))
        except* Unavailable as group:
            # The version could not be read. The execution stays ours and running; hand it back by trying again.
            log.warning("version not readable", extra={"execution_id": claimed.id, "reason": str(group.exceptions[0])})
            await self._try_later(claimed)
        except* Exception as group:
            log.exception("execution crashed", extra={"execution_id": claimed.id})
            await self._refuse(claimed, f"the executor failed: {group.exceptions[0]!r}")
        finally:
            if self._drives.get(claimed.id) is asyncio.current_task():  # else a later claim of ours drives it now
                del self._drives[claimed.id]
                self._held.discard(claimed.id)
                self._tools.pausing.discard(claimed.id)
            self._release(1)

    async def _refuse(self, claimed: Claimed, reason: str) -> None:
        """End an execution that cannot be run by this release, as a dead letter that can be replayed after a repair."""
        failure = Failure(code="not_runnable", message=reason[:2000])
        now = self._tools.clock.now()
        journal = Journal(claimed, owner=self._tools.owner, recorder=self._tools.recorder)
        try:
            await journal.fail(failure, dead_letter(claimed, failure, now), now)
        except OwnershipLost:
            log.info("execution belongs to somebody else now", extra={"execution_id": claimed.id})

    async def _try_later(self, claimed: Claimed) -> None:
        now = self._tools.clock.now()
        journal = Journal(claimed, owner=self._tools.owner, recorder=self._tools.recorder)
        try:
            await journal.suspend(now + timedelta(seconds=1), "database")
        except OwnershipLost:
            log.info("execution belongs to somebody else now", extra={"execution_id": claimed.id})

    async def _obey_people(self) -> None:
        """Stop the work on executions that people cancelled, which have ended already, and pause those they want to."""
        pausing = self._tools.pausing
        async with self._broker.signals(CANCELLED, PAUSING, RESUMED) as signals:
            async for signal in signals:
                execution_id = ExecutionId(signal.body.decode(errors="replace"))
                task = self._drives.get(execution_id)
                if task is None:
                    continue
                if signal.topic == CANCELLED:
                    task.cancel()
                elif signal.topic == PAUSING:
                    pausing.add(execution_id)
                else:
                    pausing.discard(execution_id)

    def _release(self, count: int) -> None:
        self._free += count
        self._freed.set()
