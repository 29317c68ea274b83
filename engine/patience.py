"""Asking a database again and again while it is away, for steps that must not end because nobody could look."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 5.0


async def until_available(
    ask: Callable[[], Awaitable[T]],
    *,
    what: str,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> T:
    """Return what ``ask`` returns, however long the database is away; ``ask`` may be called any number of times."""
    wait = FIRST_WAIT_SECONDS
    while True:
        try:
            return await ask()
        except Unavailable as exc:
            log.warning("waiting for the database", extra={"task": what, "reason": str(exc)})
        await sleep(wait * (0.5 + random.random() / 2))  # noqa: S311  jitter is no secret
        wait = min(wait * 2, LONGEST_WAIT_SECONDS)
