"""Types of fields that say when: instants, time zones and cron lines. A cron line means what cronsim makes of it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from engine.definition.report import Path, Report, describe, nearest, shorten
from engine.model.base import Json, JsonObject

_ANY_TIME: Final = datetime(2024, 1, 1, tzinfo=UTC)
_CRON_FIX: Final = 'write minute, hour, day, month and weekday, such as "30 9 * * mon-fri"'
_MACROS: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_LARGEST_STEP: Final = (("second", 59), ("minute", 59), ("hour", 23), ("day", 31), ("month", 12), ("weekday", 7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """A moment in ISO 8601 with its offset; read as UTC."""

    label: str = "time with zone"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        fix = "write 2026-03-01T09:00:00+01:00 or 2026-03-01T08:00:00Z"
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
            if moment is not None and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            moment = None
        if moment is not None:
            return report.wrong(at, f'"{shorten(value)}" has no zone', fix=fix)
        return report.wrong(at, f"{describe(value)} is not a time", fix=fix)

    def schema(self) -> JsonObject:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """The name of a time zone in the IANA database."""

    label: str = "time zone"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, str):
            return report.wrong(at, f"must be a time zone such as Europe/Berlin, not {describe(value)}")
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return report.wrong(
                at, f'"{shorten(value)}" is not a known time zone', fix=nearest(value, sorted(available_timezones()))
            )
        return value

    def schema(self) -> JsonObject:
        return {"type": "string", "minLength": 1, "maxLength": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class CronLine:
    """A cron line of five fields, or six with seconds first."""

    label: str = "cron line"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, str):
            return report.wrong(at, f"must be a cron line in quotes, not {describe(value)}", fix=_CRON_FIX)
        if value.strip() in _MACROS:
            return report.wrong(at, f'"{value}" is no cron line', fix=f'write "{_MACROS[value.strip()]}"')
        try:
            CronSim(value, _ANY_TIME)
        except CronSimError as error:
            reason = str(error)[:1].lower() + str(error)[1:]
            return report.wrong(at, f'"{shorten(value)}" is no cron line: {reason}', fix=_CRON_FIX)
        return value if (name := _idle_step(value)) is None else report.wrong(
            at, f'the step of the {name} field of "{shorten(value)}" is larger than the field, so it would do nothing'
        )  # fmt: skip

    def schema(self) -> JsonObject:
        return {"type": "string", "minLength": 9, "maxLength": 200}


def _idle_step(line: str) -> str | None:
    fields = line.split()
    for (name, largest), text in zip(_LARGEST_STEP[-len(fields) :], fields, strict=True):
        if any(int(step) > largest for step in re.findall(r"/(\d+)", text)):
            return name
    return None
