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
QUIET_LOOKS = 3
STUCK_SECONDS = 30

ENDED = ("succeeded", "failed", "cancelled")

# The conditions are those of the partial indexes, so that looking costs the hub little.
UNFINISHED = text(
    "select (select count(*) from executions where status = 'queued')"
    " + (select count(*) from executions where status = 'running')"
    " + (select count(*) from executions where status = 'waiting'),"
    " (select id from events order by id desc limit 1)"
)


def count(url: str) -> Counts:
    """Return what the database holds now."""
    return asyncio.run(_with(url, _count))


def wait_until_idle(url: str) -> int:
    """Return when nothing is left to do, or when nothing has happened for ``STUCK_SECONDS``: how much is left then."""
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
    """Ask everything in one statement, which sees one moment: an event may be on its way in."""
    by_status = {status: select(func.count()).where(executions.c.status == status) for status in ENDED}
    started = select(func.count()).where(events.c.fate == "started")
    with_execution = events.outerjoin(executions, executions.c.event_id == events.c.id)
    asked = {
        "events": started,
        "executions": select(func.count()).select_from(executions),
        "orphans": started.select_from(with_execution).where(executions.c.id.is_(None)),
        "last_finished_at": select(func.max(executions.c.finished_at)),
        **by_status,
    }
    row = (await connection.execute(select(*(one.scalar_subquery().label(name) for name, one in asked.items())))).one()
    found = row._mapping
    return Counts(
        events=found["events"],
        executions=found["executions"],
        succeeded=found["succeeded"],
        ended_otherwise=found["failed"] + found["cancelled"],
        orphans=found["orphans"],
        last_finished_at=found["last_finished_at"],
    )


async def _wait_until_idle(connection: AsyncConnection) -> int:
    """Look until nothing is left and nothing came for a while: a load leaves requests that are still being accepted."""
    fewest, changed_at = -1, time.monotonic()
    quiet, known = 0, ""
    while time.monotonic() - changed_at < STUCK_SECONDS:
        left, newest = (await connection.execute(UNFINISHED)).one()
        quiet = quiet + 1 if left == 0 and newest == known else 0
        if quiet == QUIET_LOOKS:
            return 0
        if fewest < 0 or left < fewest or newest != known:
            fewest, changed_at = left, time.monotonic()
        known = newest
        await asyncio.sleep(LOOK_EVERY_SECONDS)
    return fewest
