"""What executor and worker say to each other: one JSON text per frame, after its length in four bytes."""

from enum import StrEnum
from typing import Any, Final

import msgspec

LARGEST_REQUEST: Final = 8 * 1024 * 1024
LARGEST_REPLY: Final = 8 * 1024 * 1024
LENGTH_BYTES: Final = 4


class Language(StrEnum):
    """What a source is written in."""

    JAVASCRIPT = "javascript"
    PYTHON = "python"


class Ending(StrEnum):
    """How a run ended: with a result, with an error of the code's own, or at one of its limits."""

    RETURNED = "returned"
    THROWN = "thrown"
    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run: the source, the names it sees, and its limits in seconds and bytes."""

    language: Language
    source: str
    names: dict[str, Any]
    time: float
    memory: int
    output: int
    console: int


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. ``message`` says why it did not return; ``log`` is what it wrote to its console."""

    ending: Ending
    value: Any = None
    message: str = ""
    log: tuple[str, ...] = ()


def frame(message: Run | Ran) -> bytes:
    """Return a message as it travels."""
    body = msgspec.json.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
