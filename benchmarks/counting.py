"""Counts in the hub's database, by SQL of its own: neither answers nor the hub's own views have to be believed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from benchmarks.figures import Counts
from db.tables import events, executions

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.1
STUCK_SECONDS = 30

ENDED_OTHERWISE = ("failed", "cancelled")

# The conditions are those of the partial indexes, so that looking costs the hub nothing.
UNFINISHED = text(
    "select (select count(*) from executions where status = 'queued')"
    " + (select count(*) from executions where status = 'running')"
    " + (select count(*) from executions where status = 'waiting')"
)


def count(url: str) -> Counts:
    """Return what the database holds now."""
    return asyncio.run(_with(url, _count))


def wait_until_idle(url: str) -> int:
    """Return when nothing is left to do, or when nothing has ended for ``STUCK_SECONDS``: how much is left then."""
    return asyncio.run(_with(url, _wait_until_idle))


async def _with(url: str, ask: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    async with _connected(url) as connection:
        return await ask(connection)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def _count(connection: AsyncConnection) -> Counts:
    grouped = select(executions.c.status, func.count(), func.max(executions.c.finished_at)).group_by(
        executions.c.status
    )
    rows = (await connection.execute(grouped)).all()
    numbers = {status: number for status, number, _ in rows}
    finishes = [finished_at for *_, finished_at in rows if finished_at is not None]
    ids = select(executions.c.event_id)
    started = select(func.count()).where(events.c.fate == "started")
    return Counts(
        events=(await connection.execute(started)).scalar_one(),
        executions=sum(numbers.values()),
        succeeded=numbers.get("succeeded", 0),
        ended_otherwise=sum(numbers.get(status, 0) for status in ENDED_OTHERWISE),
        orphans=(await connection.execute(started.where(events.c.id.not_in(ids)))).scalar_one(),
        last_finished_at=max(finishes, default=None),
    )


async def _wait_until_idle(connection: AsyncConnection) -> int:
    fewest, changed_at = -1, time.monotonic()
    while time.monotonic() - changed_at < STUCK_SECONDS:
        left: int = (await connection.execute(UNFINISHED)).scalar_one()
        if left == 0:
            return 0
        if fewest < 0 or left < fewest:
            fewest, changed_at = left, time.monotonic()
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return fewest
