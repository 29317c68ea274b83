"""Reading and writing points in time for the date filters.

In expressions a time is a text, ISO 8601. Patterns use the usual % directives, but are read and written here:
the C library's ``strftime`` depends on the platform and takes widths that make gigabytes of padding.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.errors import ExpressionError
from engine.expressions.filters.arguments import text
from engine.expressions.values import kind
from engine.model.base import Json

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MAX_PATTERN = 200
_MILLISECONDS_FROM = 100_000_000_000  # larger Unix times count milliseconds; as seconds this is the year 5138
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_COUNT = re.compile(r"[0-9]+")
_DIGITS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "f": 6}


def _offset(at: datetime) -> str:
    minutes = round((at.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


_WRITERS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda at: f"{at.year:04}",
    "y": lambda at: f"{at.year % 100:02}",
    "m": lambda at: f"{at.month:02}",
    "d": lambda at: f"{at.day:02}",
    "e": lambda at: f"{at.day:2}",
    "H": lambda at: f"{at.hour:02}",
    "I": lambda at: f"{at.hour % 12 or 12:02}",
    "M": lambda at: f"{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "f": lambda at: f"{at.microsecond:06}",
    "p": lambda at: "AM" if at.hour < 12 else "PM",
    "A": lambda at: DAYS[at.weekday()],
    "a": lambda at: DAYS[at.weekday()][:3],
    "B": lambda at: MONTHS[at.month - 1],
    "b": lambda at: MONTHS[at.month - 1][:3],
    "j": lambda at: f"{at.timetuple().tm_yday:03}",
    "u": lambda at: str(at.isoweekday()),
    "G": lambda at: f"{at.isocalendar().year:04}",
    "V": lambda at: f"{at.isocalendar().week:02}",
    "F": lambda at: f"{at.year:04}-{at.month:02}-{at.day:02}",
    "T": lambda at: f"{at.hour:02}:{at.minute:02}:{at.second:02}",
    "R": lambda at: f"{at.hour:02}:{at.minute:02}",
    "s": lambda at: str(int(at.timestamp())),
    "z": _offset,
    "Z": lambda at: at.tzname() or "",
    "%": lambda _: "%",
}


def read(value: Json, where: str, zone: tzinfo = UTC) -> datetime:
    """Read a time from ISO 8601 text or Unix time; one without a zone is taken to be in ``zone``.

    Raises:
        ExpressionError: It is neither, or outside the years 1 to 9999.
    """
    try:
        if isinstance(value, str) and len(value) <= 40:
            at = datetime.fromisoformat(value.strip())
        elif isinstance(value, int | float) and not isinstance(value, bool):
            at = _EPOCH + timedelta(**{"milliseconds" if abs(value) >= _MILLISECONDS_FROM else "seconds": value})
        else:
            raise ExpressionError(f"{where} needs a time as ISO 8601 text or Unix time, not {_shown(value)}")
        at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
        at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ExpressionError(f"{where} cannot read {_shown(value)} as a time; write 2026-01-31T12:00:00Z") from None
    return at


def write(at: datetime) -> str:
    """Write a time as ISO 8601: ``Z`` for UTC, fractions only where there are some."""
    written = at.isoformat()
    return written[:-6] + "Z" if written.endswith("+00:00") and at.tzinfo is UTC else written


def zone_named(name: Json, where: str) -> tzinfo:
    """Find a zone by its IANA name, or by an offset such as ``+02:00``.

    Raises:
        ExpressionError: There is none of that name.
    """
    known = text(name, where)
    found = _zone(known) if len(known) <= 64 else None
    if found is None:
        raise ExpressionError(f'{where}: unknown time zone "{known[:40]}"; write one like Europe/Berlin or +02:00')
    return found


def written_as(at: datetime, pattern: Json, where: str) -> str:
    """Write a time by a pattern of % directives."""
    known = _pattern(pattern, where)
    parts, position = [], 0
    while position < len(known):
        character = known[position]
        if character == "%":
            position += 1
            parts.append(_writer(known[position : position + 1], where)(at))
        else:
            parts.append(character)
        position += 1
    return "".join(parts)


def read_as(value: Json, pattern: Json, zone: tzinfo, where: str) -> datetime:
    """Read a time by a pattern of ``%Y %m %d %H %M %S %f``; all else must stand as in the pattern.

    Raises:
        ExpressionError: The text does not fit, or names no time that exists.
    """
    known, wanted = text(value, where), _pattern(pattern, where)
    found = dict.fromkeys("YmdHMSf", 0) | {"Y": 1970, "m": 1, "d": 1}
    at = position = 0
    while position < len(wanted):
        character, position = wanted[position], position + 1
        if character == "%" and (directive := wanted[position : position + 1]) != "%":
            digits = _COUNT.match(known, at, at + _size(directive, where))
            if digits is None:
                raise ExpressionError(f"{where}: {_shown(value)} does not fit the pattern {_shown(pattern)}")
            found[directive] = int(digits.group().ljust(6, "0") if directive == "f" else digits.group())
            at, position = digits.end(), position + 1
            continue
        position += character == "%"
        if known[at : at + 1] != character:
            raise ExpressionError(f"{where}: {_shown(value)} does not fit the pattern {_shown(pattern)}")
        at += 1
    try:
        if at == len(known):
            return datetime(
                found["Y"], found["m"], found["d"], found["H"], found["M"], found["S"], found["f"], tzinfo=zone
            )
    except ValueError:
        pass
    raise ExpressionError(f"{where}: {_shown(value)} does not fit the pattern {_shown(pattern)}")


def shift(at: datetime, by: timedelta, where: str) -> datetime:
    """Move a time, keeping its zone; the elapsed time is exact even over a change of the clocks."""
    try:
        return (at.astimezone(UTC) + by).astimezone(at.tzinfo)
    except (OverflowError, ValueError):
        raise ExpressionError(f"{where}: the result is outside the years 1 to 9999") from None


def _pattern(pattern: Json, where: str) -> str:
    known = text(pattern, where)
    if len(known) > MAX_PATTERN:
        raise ExpressionError(f"{where}: the pattern has more than {MAX_PATTERN} characters")
    return known


def _writer(directive: str, where: str) -> Callable[[datetime], str]:
    writer = _WRITERS.get(directive)
    if writer is None:
        raise ExpressionError(
            f'{where}: unknown directive "%{directive}"; known are {" ".join(f"%{d}" for d in _WRITERS)}'
        )
    return writer


def _size(directive: str, where: str) -> int:
    size = _DIGITS.get(directive)
    if size is None:
        raise ExpressionError(f'{where}: cannot read "%{directive}"; known are {" ".join(f"%{d}" for d in _DIGITS)}')
    return size


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo | None:
    if name in ("UTC", "Z", "Etc/UTC"):
        return UTC
    offset = _OFFSET.fullmatch(name)
    try:
        if offset:
            minutes = int(offset.group(2)) * 60 + int(offset.group(3))
            at = datetime.fromisoformat(f"2000-01-01T00:00{offset.group(1)}{minutes // 60:02}:{minutes % 60:02}")
            return at.tzinfo
        return ZoneInfo(name) if _ZONE.fullmatch(name) else None
    except (KeyError, ValueError, OSError):
        return None


def _shown(value: Json) -> str:
    if isinstance(value, str):
        return f'"{value[:40]}"'
    return str(value) if isinstance(value, int | float) and abs(value) < 10**20 else kind(value)
