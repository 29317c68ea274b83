"""What an action takes and a connection needs: typed fields that check values and describe themselves.

Values come out of rendered templates, so a text may hold a number that was meant as one and the other way round; the
fields convert where nothing is lost and refuse where something would be. Fields that hold fields are in
``structures``; checking several together is in ``inputs``.
"""

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from engine.model.base import Json, JsonObject, format_duration, parse_duration


class _Required:
    """Marks a field without a default."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


class Wrong(ValueError):
    """A value does not fit its field; the message says what to change. ``at`` is the place inside the value."""

    def __init__(self, message: str, *, at: str = "") -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(ABC):
    """One value. Without ``default`` it must be given; with ``default=None`` it may be left out.

    Attributes:
        label: What people see.
        description: What it means, its unit and its bounds, where the label does not say it.
    """

    type: ClassVar[str] = "string"

    label: str
    description: str = ""
    default: Any = field(default=REQUIRED)

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.default is REQUIRED

    @abstractmethod
    def parse(self, value: Json) -> Any:
        """Return the value as the action gets it.

        Raises:
            Wrong: It does not fit.
        """

    def schema(self) -> JsonObject:
        """Describe the field as JSON Schema (2020-12)."""
        described: JsonObject = {"type": self.type, "title": self.label, **self.constraints()}
        if self.description:
            described["description"] = self.description
        if not self.required and self.default is not None:
            described["default"] = _plain(self.default)
        return described

    def constraints(self) -> JsonObject:
        """Return what the schema says besides the type; nothing by default."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Field):
    """Text; numbers and booleans are written out. ``pattern`` is a regular expression for the whole of it."""

    min_length: int = 0
    max_length: int = 1_000_000
    pattern: str | None = None
    multiline: bool = False

    def parse(self, value: Json) -> str:
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, int | float):
            value = str(value)
        if not isinstance(value, str):
            raise Wrong(f"must be text, not {kind_of(value)}")
        if len(value) < self.min_length:
            raise Wrong(
                "must not be empty" if self.min_length == 1 else f"must have {self.min_length} characters or more"
            )
        if len(value) > self.max_length:
            raise Wrong(f"has {len(value)} characters; shorten it to {self.max_length}")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise Wrong(f"must match {self.pattern}")
        return value

    def constraints(self) -> JsonObject:
        found: JsonObject = {"minLength": self.min_length} if self.min_length else {}
        if self.pattern is not None:
            found["pattern"] = f"^(?:{self.pattern})$"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Text):
    """Text that must not be shown: in a connection, not among an action's inputs."""

    def parse(self, value: Json) -> str:
        if not isinstance(value, str) or not value:
            raise Wrong("must be text that is not empty")
        return value

    def constraints(self) -> JsonObject:
        return {"minLength": 1, "writeOnly": True, "format": "password"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Field):
    """A number; text that is exactly a number is one. Infinity and NaN are none, for JSON has no such thing."""

    type: ClassVar[str] = "number"

    minimum: float | None = None
    maximum: float | None = None

    def parse(self, value: Json) -> Any:
        number = self.convert(value)
        if self.minimum is not None and number < self.minimum:
            raise Wrong(f"is {number}; the least is {self.minimum}")
        if self.maximum is not None and number > self.maximum:
            raise Wrong(f"is {number}; the most is {self.maximum}")
        return number

    def convert(self, value: Json) -> float:
        """Return the number that ``value`` is or spells."""
        try:
            number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise Wrong(f"must be a number, not {kind_of(value)}")
        return number

    def constraints(self) -> JsonObject:
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        return {name: bound for name, bound in bounds.items() if bound is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Number):
    """A whole number; ``7.0`` and ``"7"`` are 7."""

    type: ClassVar[str] = "integer"

    def convert(self, value: Json) -> int:
        if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,30}", value.strip()):
            return int(value)
        if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
            raise Wrong(f"must be a whole number, not {kind_of(value)}")
        return int(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Field):
    """True or false; the texts ``true`` and ``false`` count."""

    type: ClassVar[str] = "boolean"

    def parse(self, value: Json) -> bool:
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if not isinstance(value, bool):
            raise Wrong(f"must be true or false, not {kind_of(value)}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Field):
    """One of ``options``."""

    options: tuple[str, ...]

    def parse(self, value: Json) -> str:
        if isinstance(value, str) and value in self.options:
            return value
        raise Wrong(f"must be one of {', '.join(self.options)}, not {kind_of(value)}")

    def constraints(self) -> JsonObject:
        return {"enum": list(self.options)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(Field):
    """A length of time: ``30s``, ``5m``, ``PT1H``, or a number of seconds. The action gets a ``timedelta``."""

    minimum: timedelta = timedelta(0)
    maximum: timedelta = timedelta(days=366)

    def parse(self, value: Json) -> timedelta:
        try:
            if isinstance(value, timedelta):
                length = value
            elif isinstance(value, int | float) and not isinstance(value, bool):
                length = timedelta(seconds=value)
            else:
                length = parse_duration(value if isinstance(value, str) else "")
        except (ValueError, OverflowError):
            raise Wrong("must be a duration such as 30s, 5m, 2h or PT1H30M") from None
        if not self.minimum <= length <= self.maximum:
            raise Wrong(f"must be between {format_duration(self.minimum)} and {format_duration(self.maximum)}")
        return length


def _plain(value: Any) -> Json:
    return format_duration(value) if isinstance(value, timedelta) else value


def kind_of(value: Json) -> str:
    """Name a value in a message: short ones as they are, others by what they are."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f"a text of {len(value)} characters"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return "a list" if isinstance(value, list | tuple) else "a mapping"
