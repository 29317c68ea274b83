"""``python -m benchmarks.capacity``: how much one hub holds. Loops, executions that wait, and executions in flight.

Prints a table and ends with 1 if a bound that the documentation promises is not kept.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.counting import wait_until_idle
from benchmarks.errors import BenchmarkError
from benchmarks.hubs import BACKENDS, DISTRIBUTED, PreparedHub, find_servers, prepared
from benchmarks.measuring import say
from benchmarks.processes import Process, post, start_module, wait_for_port
from db.tables import executions
from tests.services.private import free_port

SENDERS = 16
HOLD_SECONDS = 20
LOOK_SECONDS = 0.2
LONGEST_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure with its bound; ``at_most`` says on which side of the bound it must lie."""

    backend: str
    what: str
    figure: float
    unit: str
    bound: float
    at_most: bool = True

    @property
    def kept(self) -> bool:
        return self.figure <= self.bound if self.at_most else self.figure >= self.bound

    def line(self) -> str:
        sign = "≤" if self.at_most else "≥"
        mark = "" if self.kept else " **missed**"
        return f"| {self.backend} | {self.what} | {self.figure:,.2f} {self.unit} | {sign} {self.bound:,g}{mark} |"


def main() -> int:
    given = _parser().parse_args()
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchbay-capacity-")))
        port = free_port()
        slow = start_module("benchmarks.echo", str(port), str(HOLD_SECONDS), folder=folder)
        stack.callback(slow.stop)
        wait_for_port(port, slow)
        for backend in given.backend:
            servers = find_servers(stack) if backend == DISTRIBUTED else None
            with prepared(backend, servers, folder=folder, echo_url=f"http://127.0.0.1:{port}/") as ready:
                hub = stack.enter_context(ready.with_environment(PATCHBAY_CONCURRENCY=str(given.in_flight)).running())
                rows += list(_measure(hub, given))
    print("| backend | what | figure | bound |\n|---|---|---|---|")
    print("\n".join(row.line() for row in rows))
    return 0 if all(row.kept for row in rows) else 1


def _measure(hub: PreparedHub, given: argparse.Namespace) -> Iterator[Row]:
    post(f"{hub.url}/hooks/loop", json.dumps(100).encode())
    began = time.monotonic()
    status, answer = post(f"{hub.url}/hooks/loop", json.dumps(given.iterations).encode())
    if status != 200:
        raise BenchmarkError(f"the loop gave {status}: {answer[:300]!r}")
    speed = given.iterations / (time.monotonic() - began)
    yield _say(Row(backend=hub.backend, what=f"loop of {given.iterations:,} pure iterations", figure=speed,
                   unit="iterations/s", bound=5000, at_most=False))  # fmt: skip
    yield from _waiting(hub, given.waiting)
    yield from _in_flight(hub, given.in_flight)


def _waiting(hub: PreparedHub, number: int) -> Iterator[Row]:
    """Let many executions wait for one moment, and look how late they are woken."""
    scheduler = hub.processes[-1]
    before = scheduler.rss_mb()
    due = datetime.now(UTC) + timedelta(seconds=10 + number / 250)
    body = json.dumps({"at": due.isoformat()}).encode()
    _send(f"{hub.url}/hooks/waiting", body, number)
    _until(lambda: _statuses(hub).get("waiting", 0) >= number, "all executions wait")
    if datetime.now(UTC) > due:
        raise BenchmarkError("this machine could not store the waiting executions before they were due")
    each = (scheduler.rss_mb() - before) * 1024 / number
    yield _say(Row(backend=hub.backend, what=f"memory of the {scheduler.name} for each of {number:,} that wait",
                   figure=max(each, 0), unit="KiB", bound=2))  # fmt: skip
    time.sleep(max((due - datetime.now(UTC)).total_seconds(), 0))
    if left := wait_until_idle(hub.database_url):
        raise BenchmarkError(f"{left} executions were not woken")
    late = (asyncio.run(_last_woken(hub.database_url)) - due).total_seconds()
    yield _say(Row(backend=hub.backend, what=f"{number:,} due at the same moment: the last is woken after",
                   figure=late, unit="s", bound=2))  # fmt: skip


def _in_flight(hub: PreparedHub, number: int) -> Iterator[Row]:
    """Hold many executions in calls that take long, and look at the memory of the process that runs them."""
    executor = _role(hub, "executor") or hub.processes[0]
    _send(f"{hub.url}/hooks/slow", b"{}", number)
    highest, running, began = 0.0, 0, time.monotonic()
    while time.monotonic() - began < HOLD_SECONDS - 2 and running < number:
        running = max(running, _statuses(hub).get("running", 0))
        highest = max(highest, executor.rss_mb())
        time.sleep(LOOK_SECONDS)
    if running < number:
        raise BenchmarkError(f"only {running} of {number} executions were in flight at once")
    yield _say(Row(backend=hub.backend, what=f"memory of the {executor.name} with {number:,} executions in flight",
                   figure=highest, unit="MiB", bound=400))  # fmt: skip
    if left := wait_until_idle(hub.database_url):
        raise BenchmarkError(f"{left} executions did not end")


def _say(row: Row) -> Row:
    say(row.line())
    return row


def _role(hub: PreparedHub, name: str) -> Process | None:
    return next((process for process in hub.processes if process.name == name), None)


def _send(url: str, body: bytes, number: int) -> None:
    with ThreadPoolExecutor(SENDERS) as pool:
        refused = [status for status, _ in pool.map(lambda _: post(url, body), range(number)) if status != 202]
    if refused:
        raise BenchmarkError(f"{len(refused)} events were refused, the first with {refused[0]}")


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"waited in vain until {what}")
        time.sleep(LOOK_SECONDS)


def _statuses(hub: PreparedHub) -> dict[str, int]:
    hub.check()
    return asyncio.run(_count(hub.database_url))


async def _count(url: str) -> dict[str, int]:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            asked = select(executions.c.status, func.count()).group_by(executions.c.status)
            return {row[0]: row[1] for row in await connection.execute(asked)}
    finally:
        await engine.dispose()


async def _last_woken(url: str) -> datetime:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            found: datetime | None = await connection.scalar(select(func.max(executions.c.woken_at)))
    finally:
        await engine.dispose()
    if found is None:
        raise BenchmarkError("no execution was woken")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description="How much one hub holds.")
    parser.add_argument("--backend", type=lambda text: (text,), default=BACKENDS, metavar="NAME")
    parser.add_argument("--iterations", type=int, default=10_000, help="of the loop (10,000)")
    parser.add_argument("--waiting", type=int, default=10_000, help="executions that wait at once (10,000)")
    parser.add_argument("--in-flight", type=int, default=1_000, help="executions in flight at once (1,000)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
