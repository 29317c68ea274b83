"""The loop that all housekeeping shares goes on whatever happens, and tells the log once."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.errors import Unavailable
from engine.service import AT_ONCE, Alarm, run_service

SECOND = timedelta(seconds=1)


class EndOfTest(BaseException):
    """Leaves the endless loop."""


class Scripted:
    """A service that does what its script says, one entry per tick: an error to raise or a wait to ask for."""

    name = "scripted"

    def __init__(self, *script: Exception | timedelta) -> None:
        self._script = list(script)

    async def tick(self) -> timedelta:
        if not self._script:
            raise EndOfTest
        entry = self._script.pop(0)
        if isinstance(entry, Exception):
            raise entry
        return entry


class Pauses:
    """Both ways to wait, without waiting."""

    def __init__(self) -> None:
        self.idle: list[timedelta] = []
        self.backoff: list[float] = []

    async def wait(self, limit: timedelta) -> None:
        self.idle.append(limit)

    async def sleep(self, delay: timedelta) -> None:
        self.backoff.append(delay.total_seconds())


async def run(*script: Exception | timedelta, jitter: Callable[[], float] = lambda: 0.0) -> Pauses:
    pauses = Pauses()
    with pytest.raises(EndOfTest):
        await run_service(Scripted(*script), alarm=pauses, sleep=pauses.sleep, jitter=jitter)
    return pauses


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(record.levelno, record.getMessage()) for record in caplog.records]


async def test_it_waits_as_long_as_the_service_asks_for() -> None:
    pauses = await run(SECOND, AT_ONCE, SECOND * 3)

    assert pauses.idle == [SECOND, AT_ONCE, SECOND * 3]
    assert pauses.backoff == []


async def test_an_outage_backs_off_from_a_tenth_of_a_second_to_five_seconds() -> None:
    pauses = await run(*[Unavailable("away")] * 8)

    assert pauses.backoff == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]


async def test_chance_shortens_the_backoff_so_that_processes_do_not_return_together() -> None:
    pauses = await run(Unavailable("away"), jitter=lambda: 0.5)

    assert pauses.backoff == [0.075]


async def test_the_backoff_starts_again_after_a_recovery() -> None:
    pauses = await run(Unavailable("away"), Unavailable("away"), SECOND, Unavailable("away"))

    assert pauses.backoff == [0.1, 0.2, 0.1]


async def test_an_outage_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    await run(Unavailable("away"), TimeoutError(), Unavailable("still away"), SECOND, SECOND)

    assert logged(caplog) == [
        (logging.WARNING, "service waits for database or broker"),
        (logging.INFO, "service recovered"),
    ]


async def test_a_defect_is_logged_once_with_its_traceback_and_does_not_end_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pauses = await run(ValueError("a bug"), ValueError("a bug"), SECOND)

    assert logged(caplog) == [(logging.ERROR, "service failed, it will go on")]
    assert caplog.records[0].exc_info is not None
    assert pauses.backoff == [0.1, 0.2]
    assert pauses.idle == [SECOND]


async def test_another_defect_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    await run(ValueError("a bug"), KeyError("another"))

    assert len(caplog.records) == 2


async def test_cancelling_ends_it_while_it_waits() -> None:
    task = asyncio.create_task(run_service(Scripted(timedelta(hours=1))))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_ringing_the_alarm_ends_the_wait() -> None:
    alarm = Alarm()
    sleeper = asyncio.create_task(alarm.wait(timedelta(hours=1)))
    await asyncio.sleep(0)

    alarm.ring()

    await asyncio.wait_for(sleeper, 1)


async def test_an_alarm_that_rang_while_nobody_slept_is_not_lost_and_rings_once() -> None:
    alarm = Alarm()
    alarm.ring()
    await asyncio.wait_for(alarm.wait(timedelta(hours=1)), 1)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(alarm.wait(timedelta(hours=1)), 0.01)


async def test_a_service_with_more_to_do_lets_others_run() -> None:
    others_ran = 0

    async def other() -> None:
        nonlocal others_ran
        while True:
            others_ran += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    with pytest.raises(EndOfTest):
        await run_service(Scripted(*[AT_ONCE] * 20))
    task.cancel()

    assert others_ran >= 20
