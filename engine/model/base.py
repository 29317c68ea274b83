"""Ids, JSON and durations: what every other model is made of."""

import os
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NewType, TypeAlias

# JSON as msgspec decodes it: dict, list, str, int, float, bool, None.
Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]

ProjectId = NewType("ProjectId", str)
WorkflowId = NewType("WorkflowId", str)
VersionId = NewType("VersionId", str)
TriggerId = NewType("TriggerId", str)
EventId = NewType("EventId", str)
ExecutionId = NewType("ExecutionId", str)
ExecutorId = NewType("ExecutorId", str)
ConnectionId = NewType("ConnectionId", str)

DEFAULT_PROJECT = ProjectId("00000000-0000-7000-8000-000000000001")
"""The project every object belongs to until projects are managed."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SHORT = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
_ISO = re.compile(r"P(?:(?P<w>\d+)W)?(?:(?P<d>\d+)D)?(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?)?")


class _Ids:
    """Makes UUIDv7s (RFC 9562, 5.7): 48 bits of Unix milliseconds, then 74 random bits.

    Within a millisecond those count on instead (6.2, method 2), so that ids of a process sort as they were made.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        fresh = time.time_ns() // 1_000_000 << 74 | int.from_bytes(os.urandom(10), "big") >> 6
        if fresh >> 74 <= self._last >> 74:  # the same millisecond, or a clock that was set back
            fresh = self._last + 1
        self._last = fresh
        value = (fresh >> 74) << 80 | 7 << 76 | (fresh >> 62 & 0xFFF) << 64 | 2 << 62 | fresh & _LOW_62
        digits = f"{value:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_LOW_62 = (1 << 62) - 1
_ids = _Ids()


def new_id() -> str:
    """Return a UUIDv7. Sorting ids sorts by creation, between processes to the millisecond.

    That keeps index inserts at one end. An id is no secret: the next one of the same millisecond can be guessed.
    """
    return _ids.next()


def is_id(text: str) -> bool:
    """Say whether ``text`` has the canonical form of a UUID, which is the form of all our ids."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def parse_duration(text: str) -> timedelta:
    """Read ``500ms``, ``30s``, ``5m``, ``2h``, ``7d``, sums of them (``1h30m``) or ISO 8601 (``PT1H30M``).

    Raises:
        ValueError: The text is neither; the message shows both forms.
    """
    stripped = text.strip()
    parts = _SHORT.findall(stripped)
    if parts and "".join(number + unit for number, unit in parts) == stripped:
        return timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
    iso = _ISO.fullmatch(stripped)
    if iso and any(iso.groupdict().values()):
        found = {name: float(value) for name, value in iso.groupdict().items() if value}
        return timedelta(
            weeks=found.get("w", 0),
            days=found.get("d", 0),
            hours=found.get("h", 0),
            minutes=found.get("m", 0),
            seconds=found.get("s", 0),
        )
    raise ValueError(f'"{text}" is not a duration; write 30s, 5m, 2h, 7d or PT1H30M')


def format_duration(value: timedelta) -> str:
    """Write a duration in the shortest exact form, ``1h30m``; ``0s`` for zero."""
    millis = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def require_utc(value: datetime) -> datetime:
    """Return ``value`` in UTC.

    Raises:
        ValueError: It is naive, so nobody can know which instant it means.
    """
    if value.tzinfo is None:
        raise ValueError(f"the time {value.isoformat()} has no zone")
    return value.astimezone(UTC)
