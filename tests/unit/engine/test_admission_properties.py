"""Whatever happens in whatever order: never more than the limit are alive, and everybody who waits begins in the end."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.migrate import migrate
from db.session import open_database
from db.vault import Vault, generate_key
from engine.errors import Conflict
from engine.model.base import DEFAULT_PROJECT, ExecutionId
from engine.model.execution import Status
from engine.replay_choices import START, Choice
from tests.fakes import FakeClock
from tests.hall import Hall

LIMIT = 2
MODES = ("queue", "parallel", "skip", "restart", "coalesce")
MORE = ("", ", throttle: {limit: 2, per: 3s}", ", debounce: {for: 1s}", ", batch: {size: 2, for: 2s}")
COLLECTING = MORE[2:]

acts = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *["send"] * 4,
                *["finish"] * 2,
                "fail",
                "wait",
                "wake",
                "cancel",
                "delete",
                "rerun",
                "replay",
                "pause",
                "resume",
                "tick",
                "pass",
            ]
        ),
        st.integers(0, 20),
    ),
    min_size=25,
    max_size=50,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables."""
    path = tmp_path_factory.mktemp("empty") / "patchbay.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{path}"))
    return path


@given(mode=st.sampled_from(MODES), more=st.sampled_from(MORE), acts=acts)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_limits_hold_at_every_moment_and_nobody_is_forgotten(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, mode: str, more: str, acts: list[tuple[str, int]]
) -> None:
    if mode in ("skip", "coalesce") and more in COLLECTING:
        return  # refused when it is saved
    path = tmp_path_factory.mktemp("example") / "patchbay.db"
    shutil.copy(empty, path)
    rule = f'concurrency: {{key: "{{{{ trigger.data }}}}", limit: {LIMIT}, mode: {mode}}}{more}'
    asyncio.run(play(path, rule, acts))


async def play(path: Path, rule: str, acts: list[tuple[str, int]]) -> None:
    clock = FakeClock()
    url = f"sqlite+aiosqlite:///{path}"
    async with open_database(url, vault=Vault([generate_key()]), clock=clock) as database:
        hall = Hall(database, clock)
        async with hall.parts.intake.commits:
            await hall.publish(rule)
            for name, number in acts:
                await ACTS[name](hall, number)
                await require_limits(hall)
            await drain(hall)


async def require_limits(hall: Hall) -> None:
    """Count who is alive and has been let in, by key."""
    alive: Counter[str | None] = Counter()
    for execution_id in await hall.having(*(status for status in Status if not status.is_final)):
        shown = await hall.shown(execution_id)
        if shown.gate is None or not (shown.status in (Status.WAITING, Status.PAUSED) and shown.wait_reason in REASONS):
            alive[shown.concurrency_key] += 1
    assert not alive or max(alive.values()) <= LIMIT, alive
    assert await hall.difference() == 0


REASONS = ("concurrency", "debounce", "batch")
"""Who waits for one of these holds no slot yet; who waits for the throttle does."""


async def drain(hall: Hall) -> None:
    """With nobody doing anything else, everybody begins and ends."""
    for execution_id in await hall.having(Status.PAUSED):
        await resume(hall, execution_id)
    for _ in range(400):
        await hall.settle(3)
        left = await hall.having(*(status for status in Status if not status.is_final))
        if not left:
            return
        for execution_id in left:
            await end(hall, execution_id, Status.SUCCEEDED)
        await require_limits(hall)
        hall.clock.advance(1)
    raise AssertionError(f"these never began: {left}")


async def end(hall: Hall, execution_id: ExecutionId, status: Status) -> None:
    """Let it end if it may run: queued, or waiting for something of its own."""
    shown = await hall.shown(execution_id)
    if shown.status is Status.WAITING and shown.gate is None:
        await wake(hall)
        shown = await hall.shown(execution_id)
    if shown.status is Status.QUEUED:
        await hall.finish(execution_id, status)


async def wake(hall: Hall) -> None:
    async with hall.database.write() as uow:
        await uow.executions.wake(hall.clock.now() + timedelta(days=1), limit=100)
        await uow.commit()


async def resume(hall: Hall, execution_id: ExecutionId) -> None:
    async with hall.database.write() as uow:
        await uow.executions.unpause(execution_id, now=hall.clock.now())
        await uow.commit()


async def pick(hall: Hall, number: int, *statuses: Status) -> ExecutionId | None:
    found = await hall.having(*statuses)
    return found[number % len(found)] if found else None


async def send(hall: Hall, number: int) -> None:
    await hall.send("b" if number % 4 == 0 else "a")


def ends(status: Status) -> Callable[[Hall, int], Awaitable[None]]:
    async def act(hall: Hall, number: int) -> None:
        chosen = await pick(hall, number, Status.QUEUED)
        if chosen is not None:
            await hall.finish(chosen, status)

    return act


async def waits(hall: Hall, number: int) -> None:
    """Its nodes wait for something, which keeps the slot."""
    chosen = await pick(hall, number, Status.QUEUED)
    if chosen is not None:
        await hall.record(await hall.run(chosen), Status.WAITING, due_in=timedelta(hours=1))


async def wakes(hall: Hall, number: int) -> None:
    await wake(hall)


async def cancels(hall: Hall, number: int) -> None:
    chosen = await pick(hall, number, *(status for status in Status if not status.is_final))
    if chosen is not None:
        await hall.control.cancel(DEFAULT_PROJECT, chosen, actor="test")


async def deletes(hall: Hall, number: int) -> None:
    chosen = await pick(hall, number, *(status for status in Status if status.is_final))
    if chosen is not None:
        async with hall.database.write() as uow:
            await uow.executions.delete([chosen])
            await uow.commit()


async def reruns(hall: Hall, number: int) -> None:
    chosen = await pick(hall, number, *(status for status in Status if status.is_final))
    if chosen is not None:
        with suppress(Conflict):  # no slot is free, and the mode is skip
            await hall.control.replay_execution(DEFAULT_PROJECT, chosen, Choice(begin=START), actor="test")


async def replays(hall: Hall, number: int) -> None:
    chosen = await pick(hall, number, Status.FAILED)
    if chosen is not None:
        with suppress(Conflict):  # no slot is free, and the mode is skip
            await hall.control.replay_execution(DEFAULT_PROJECT, chosen, Choice(), actor="test")


async def pauses(hall: Hall, number: int) -> None:
    chosen = await pick(hall, number, Status.QUEUED, Status.WAITING)
    if chosen is not None:
        async with hall.database.write() as uow:
            await uow.executions.pause(chosen, now=hall.clock.now())
            await uow.commit()


async def resumes(hall: Hall, number: int) -> None:
    chosen = await pick(hall, number, Status.PAUSED)
    if chosen is not None:
        await resume(hall, chosen)


async def ticks(hall: Hall, number: int) -> None:
    await hall.settle(1 + number % 3)


async def passes(hall: Hall, number: int) -> None:
    hall.clock.advance(number / 10)


ACTS: dict[str, Callable[[Hall, int], Awaitable[None]]] = {
    "send": send,
    "finish": ends(Status.SUCCEEDED),
    "fail": ends(Status.FAILED),
    "wait": waits,
    "wake": wakes,
    "cancel": cancels,
    "delete": deletes,
    "rerun": reruns,
    "replay": replays,
    "pause": pauses,
    "resume": resumes,
    "tick": ticks,
    "pass": passes,
}
