"""Write what executions did: one transaction for all that have something to write at that moment.

A record counts only while its owner still holds the execution (see ``ExecutionRecord``). The recorder does not give up
while the database is away: what an executor did is kept in memory until it is written or somebody else owns it.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from engine.admission import Tells, by_lane
from engine.errors import Unavailable
from engine.group_commit import GroupCommit
from engine.model.execution import ExecutionRecord, Status
from engine.ports import Broker, Database

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 5.0


class Recorder:
    """The only writer of running executions. Enter ``commits`` before use."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        announcements: Tells | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._sleep = sleep
        self._broker = broker
        self._announcements = announcements
        self.commits: GroupCommit[ExecutionRecord, bool] = GroupCommit(self._write)

    async def record(self, record: ExecutionRecord, *, reply_to: str | None = None) -> bool:
        """Store a record; return whether it counted. After the commit, tell the caller who waits, if any.

        ``False`` means that somebody else owns the execution now, or that it was cancelled: drop it.
        """
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                counted = await self.commits.submit(record)
                break
            except Unavailable as exc:
                log.warning("recording postponed", extra={"execution_id": record.id, "reason": str(exc)})
                await self._sleep(wait * (0.5 + random.random() / 2))  # noqa: S311  jitter is no secret
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        if counted and reply_to is not None and (record.response is not None or record.status.is_final):
            await self._broker.signal(f"reply.{reply_to}", reply_body(record))
        return counted

    async def _write(self, records: Sequence[ExecutionRecord]) -> list[bool]:
        async with self._database.write() as uow:
            counted = await uow.executions.record(records)
            await uow.commit()
        if uow.executions.woken and self._announcements is not None:
            self._announcements.announce(by_lane(uow.executions.woken))
        return [record.id in counted for record in records]


def reply_body(record: ExecutionRecord) -> bytes:
    """What goes to the gateway that holds the synchronous caller's request; see ``gateway.replies``."""
    return msgspec.json.encode(
        {
            "execution_id": record.id,
            "status": record.status,
            "output": record.output if record.status is Status.SUCCEEDED else None,
            "error": record.error.as_json() if record.error else None,
            "response": record.response,
        }
    )
