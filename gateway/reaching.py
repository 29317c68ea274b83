"""Reaching the database and the broker at the start: how long to wait, and how to say what is missing."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from engine.errors import ConfigurationError, Unavailable
from gateway.settings import Settings

T = TypeVar("T")

log = logging.getLogger(__name__)

TRY_EVERY_SECONDS = 0.5
SAY_EVERY_SECONDS = 5.0


class Stopped(Exception):
    """The process was told to end while it waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long to wait (zero: one attempt), and what ends the wait before."""

    patience: timedelta = timedelta(0)
    stop: asyncio.Event = field(default_factory=asyncio.Event)


async def patiently(attempt: Callable[[], Awaitable[T]], waiting: Waiting) -> T:
    """Return what ``attempt`` returns, trying again while it raises ``Unavailable``, with a log line now and then.

    Raises:
        Unavailable: It still does after the patience.
        Stopped: Told to.
    """
    started = time.monotonic()
    said = -SAY_EVERY_SECONDS
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            waited = time.monotonic() - started
            left = waiting.patience.total_seconds() - waited
            if left <= TRY_EVERY_SECONDS:
                raise
            if waited - said >= SAY_EVERY_SECONDS:
                said = waited
                log.warning("waiting", extra={"reason": str(error), "seconds_left": round(left)})
        await _pause(waiting.stop)


async def _pause(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(TRY_EVERY_SECONDS):
            await stop.wait()
    except TimeoutError:
        return
    raise Stopped


@contextmanager
def named(settings: Settings) -> Iterator[None]:
    """Say of which database an ``Unavailable`` speaks, and what to do about it."""
    try:
        yield
    except Unavailable as error:
        if "patchbay migrate" in str(error):
            raise
        raise Unavailable(
            f"{database_place(settings)} cannot be used: {error}; start it, or correct PATCHBAY_DATABASE_URL"
        ) from error
    except OSError as error:  # the folder of a database file
        raise ConfigurationError(
            f"{database_place(settings)} cannot be used: {error.strerror or error}; "
            "correct PATCHBAY_DATA_DIR or PATCHBAY_DATABASE_URL"
        ) from error


def database_place(settings: Settings) -> str:
    """Name the database as people know it, without user and password."""
    parts = urlsplit(settings.sql_url)
    if not parts.hostname:
        return f'the database file "{parts.path.removeprefix("/")}"'
    return f'the database "{parts.path.removeprefix("/")}" at {parts.hostname}:{parts.port or 5432}'


def broker_place(settings: Settings) -> str:
    """Name the broker without user and password."""
    parts = urlsplit(settings.broker_url)
    standard = 5671 if parts.scheme == "amqps" else 5672
    return f"the broker at {parts.hostname}:{parts.port or standard}"
