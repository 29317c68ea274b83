"""Topics of signals: what a pattern means, and the bounded queue in which signals wait for a listener.

A slow listener must never hold up whoever signals, so the queue forgets its oldest signals and counts them.
"""

import asyncio
import functools
import logging
import re
from collections import deque
from typing import Self

from engine.ports import Signal

MAX_WAITING_SIGNALS = 10_000
MAX_TOPIC_BYTES = 255  # AMQP 0-9-1 carries a topic as a short string

log = logging.getLogger(__name__)


def require_topic(topic: str) -> None:
    """Check what every broker can carry.

    Raises:
        ValueError: The topic or pattern is empty or too long.
    """
    if not 0 < len(topic.encode()) <= MAX_TOPIC_BYTES:
        raise ValueError(f'the topic "{topic}" must have 1 to {MAX_TOPIC_BYTES} bytes')


def matches(pattern: str, topic: str) -> bool:
    """Say whether a pattern covers a topic: ``*`` is one word, ``#`` any number of words, dots divide words."""
    return _compile(pattern).fullmatch(f"{topic}.") is not None


@functools.lru_cache(maxsize=1024)
def _compile(pattern: str) -> re.Pattern[str]:
    words = pattern.split(".")
    # Neighbouring "#" mean what one means; left alone they would make matching slow.
    kept = [word for word, before in zip(words, [None, *words], strict=False) if not word == before == "#"]
    meaning = {"*": r"[^.]*\.", "#": r"(?:[^.]*\.)*"}
    return re.compile("".join(meaning.get(word) or re.escape(f"{word}.") for word in kept))


class SignalQueue:
    """The signals one listener has not read yet; iterating waits for more, and ends when the queue is closed."""

    def __init__(self, *, size: int = MAX_WAITING_SIGNALS) -> None:
        self.lost = 0
        self._waiting: deque[Signal] = deque(maxlen=size)
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, signal: Signal) -> None:
        """Add a signal; a full queue loses its oldest one."""
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1
            if self.lost & (self.lost - 1) == 0:  # at 1, 2, 4, 8 ...: a flood of losses is not a flood of lines
                log.warning("a slow listener lost signals", extra={"lost": self.lost, "topic": self._waiting[0].topic})
        self._waiting.append(signal)
        self._changed.set()

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Signal:
        while not self._closed:
            if self._waiting:
                return self._waiting.popleft()
            self._changed.clear()
            await self._changed.wait()
        raise StopAsyncIteration
