"""The types a field of the format can have: each reads a plain value, describes itself in JSON Schema, and has a label.

``read`` returns the value as the model wants it (a duration as ``timedelta``), or reports what is wrong and
returns ``INVALID``. Types that hold other types are in ``shapes``.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from engine.definition.report import INVALID, Path, Report, describe, nearest, shorten
from engine.model.base import Json, JsonObject, parse_duration

KEY_PATTERN: Final = "^[a-z][a-z0-9_]{0,62}$"
MAX_DURATION: Final = timedelta(days=3650)
DURATION_PATTERN: Final = r"^\s*((\d{1,9}(ms|s|m|h|d))+|P(?=.)(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)\s*$"
_SIZE: Final = re.compile(r"(\d{1,12})\s?(B|kB|KB|MB|GB|KiB|MiB|GiB)?")
_SIZE_UNITS: Final = {
    "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3,
}  # fmt: skip


class FieldType(Protocol):
    """What the parser, the JSON Schema and the tables of the reference need to know about a field's values."""

    @property
    def label(self) -> str:
        """The type in a word or two, in Markdown, for tables."""
        ...

    def read(self, value: Json, at: Path, report: Report) -> Any:
        """Return the value in the model's form, or report and return ``INVALID``."""
        ...

    def schema(self) -> JsonObject:
        """Return a JSON Schema that accepts what ``read`` accepts, or slightly more."""
        ...


def not_yet(name: str) -> str:
    """Say that a part of the format is planned and not built."""
    return f'"{name}" is not yet available in this release'


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text; ``says`` describes the pattern for people."""

    label: str = "text"
    max_length: int = 2000
    min_length: int = 0
    pattern: str | None = None
    says: str = ""

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, str):
            fix = f'write "{value}" in quotes' if isinstance(value, bool | int | float) else None
            return report.wrong(at, f"must be a text, not {describe(value)}", fix=fix)
        if not self.min_length <= len(value) <= self.max_length:
            limits = f"{self.min_length} to {self.max_length}"
            return report.wrong(at, f"must have {limits} characters, has {len(value)}")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            return report.wrong(at, f'"{shorten(value)}" is not {self.says}')
        return value

    def schema(self) -> JsonObject:
        lower: JsonObject = {"minLength": self.min_length} if self.min_length else {}
        pattern: JsonObject = {"pattern": self.pattern} if self.pattern else {}
        return {"type": "string", "maxLength": self.max_length, **lower, **pattern}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean:
    """``true`` or ``false``, and no other word for them."""

    label: str = "`true` or `false`"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, bool):
            return value
        word = str(value).lower()
        fix = {"yes": "write true", "on": "write true", "no": "write false", "off": "write false"}.get(word)
        return report.wrong(at, f"must be true or false, not {describe(value)}", fix=fix)

    def schema(self) -> JsonObject:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number within bounds, both included; ``whole`` refuses fractions."""

    minimum: float
    maximum: float
    whole: bool = True

    @property
    def label(self) -> str:
        return f"{'integer' if self.whole else 'number'} from {self.minimum:g} to {self.maximum:,.15g}"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            kind = "a whole number" if self.whole else "a number"
            return report.wrong(at, f"must be {kind}, not {describe(value)}")
        if not self.minimum <= value <= self.maximum:
            return report.wrong(at, f"must be from {self.minimum:g} to {self.maximum:,.15g}, is {value}")
        return value if self.whole else float(value)

    def schema(self) -> JsonObject:
        return {
            "type": "integer" if self.whole else "number",
            "minimum": self.minimum,
            "maximum": self.maximum,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of a few words; ``later`` ones are planned, and may also be the only key of a mapping."""

    options: tuple[str, ...]
    later: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return ", ".join(f"`{option}`" for option in self.options)

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, str) and value in self.options:
            return value
        name = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else value
        if isinstance(name, str) and name in self.later:
            return report.wrong(at, not_yet(name))
        fix = nearest(value, self.options) if isinstance(value, str) else "known: " + ", ".join(self.options)
        return report.wrong(at, f"{describe(value)} is not one of the words allowed here", fix=fix)

    def schema(self) -> JsonObject:
        return {"enum": list(self.options)}


def _bound(length: timedelta) -> str:
    return f"{length.days}d" if length.days else f"{length.total_seconds():g}s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A length of time as text, from ``minimum`` to ``maximum``; ``positive`` refuses zero."""

    minimum: timedelta = timedelta(0)
    maximum: timedelta = MAX_DURATION
    positive: bool = False
    label: str = "duration"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, str):
            fix = f"write {value}s for seconds" if isinstance(value, int) and not isinstance(value, bool) else None
            return report.wrong(at, f"must be a duration such as 30s, not {describe(value)}", fix=fix)
        try:
            duration = parse_duration(value)
        except (ValueError, OverflowError):
            return report.wrong(at, f'"{shorten(value)}" is not a duration', fix="write 30s, 5m, 2h, 7d or PT1H30M")
        if duration < self.minimum or (self.positive and not duration):
            least = f"at least {self.minimum.total_seconds():g}s" if self.minimum else "more than 0s"
            return report.wrong(at, f'"{value}" is too short', fix=f"it must be {least}")
        if duration > self.maximum:
            return report.wrong(at, f'"{value}" is too long', fix=f"it must be at most {_bound(self.maximum)}")
        return duration

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": DURATION_PATTERN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A number of bytes: a number, or a text with a unit (1 MB is 1,000,000 bytes, 1 MiB is 1,048,576)."""

    maximum: int
    label: str = "bytes, or a text such as `1MB`"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        size = value
        if isinstance(value, str) and (found := _SIZE.fullmatch(value.strip())):
            size = int(found[1]) * _SIZE_UNITS[found[2] or "B"]
        if isinstance(size, bool) or not isinstance(size, int):
            return report.wrong(at, f"{describe(value)} is not a size", fix="write a number of bytes, 64KiB or 1MB")
        if not 1 <= size <= self.maximum:
            return report.wrong(at, f"must be from 1 to {self.maximum} bytes, is {size}")
        return size

    def schema(self) -> JsonObject:
        pattern = rf"^\s*{_SIZE.pattern}\s*$"
        number = {"type": "integer", "minimum": 1, "maximum": self.maximum}
        return {"anyOf": [number, {"type": "string", "pattern": pattern}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A bare expression, without ``{{ }}``."""

    label: str = "expression"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, bool | int | float):
            value = str(value).lower()
        if not isinstance(value, str) or not value.strip():
            return report.wrong(at, f"must be an expression, not {describe(value) if value != '' else 'an empty text'}")
        if value.strip().startswith("{{") and value.strip().endswith("}}"):
            return report.wrong(at, "holds a bare expression", fix="leave {{ and }} out")
        report.expression(at, value, bare=True)
        return value

    def schema(self) -> JsonObject:
        return {"type": ["string", "boolean", "number"], "maxLength": 4000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Any value whose texts may have ``{{ holes }}``; ``mapping`` insists on a mapping at the top."""

    mapping: bool = False

    @property
    def label(self) -> str:
        return "mapping of templates" if self.mapping else "template"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if self.mapping and not isinstance(value, dict):
            return report.wrong(at, f"must be a mapping, not {describe(value)}")
        self._collect(value, at, report)
        return value

    def _collect(self, value: Json, at: Path, report: Report) -> None:
        if isinstance(value, str) and "{" in value:
            report.expression(at, value, bare=False)
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                self._collect(entry, (*at, index), report)
        elif isinstance(value, dict):
            for name, entry in value.items():
                self._collect(entry, (*at, name), report)

    def schema(self) -> JsonObject:
        return {"type": "object"} if self.mapping else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateOr:
    """A text with ``{{ holes }}``, known only when the node runs, or a value of ``type`` written out."""

    type: FieldType
    keep_text: bool = False

    @property
    def label(self) -> str:
        return f"{self.type.label}, or a template"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, str) and "{{" in value:
            report.expression(at, value, bare=False)
            return value
        checked = self.type.read(value, at, report)
        return value if self.keep_text and checked is not INVALID else checked

    def schema(self) -> JsonObject:
        return {"anyOf": [self.type.schema(), {"type": "string", "pattern": r"\{\{"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything:
    """Any JSON value."""

    label: str = "any value"

    def read(self, value: Json, at: Path, report: Report) -> Any:  # noqa: ARG002 - nothing can be wrong
        return value

    def schema(self) -> JsonObject:
        return {}
