"""The words of a diff: values as people read them, and what it means that one became another."""

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from engine.definition.report import Path
from engine.definition.shapes import Kinds, Section
from engine.model.base import Json

LONGEST: Final = 60
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][\w.:/@+-]*")


class Absent(Enum):
    """The value that stands for a field that is not there."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two values of one place, either of them perhaps ``ABSENT``."""

    at: Path
    before: Json
    after: Json


def went(what: str, found: Difference, default: Json) -> str:
    """Say that a value became another; a field that is left out has its default."""
    before, after = found.before, found.after
    if before is ABSENT and default is not None and after == default:
        return f"{what} is now written out as {shown(after)}, which is the default"
    if after is ABSENT and default is not None and before == default:
        return f"{what} is no longer written out; it stays at {shown(before)}, the default"
    if before is ABSENT and default is None:
        return f"{what} added: {shown(after)}"
    if after is ABSENT and default is None:
        return f"{what} removed; it was {shown(before)}"
    one, other = (f"{shown(default)} (the default)" if each is ABSENT else shown(each) for each in (before, after))
    return f"{what} went from {one} to {other}" if one != other else f"{what} changed"


def shown(value: Json) -> str:
    """Return a value on one line, in quotes where it is no plain word."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and len(value) <= LONGEST:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def in_brackets(value: Json, *names: str) -> str:
    """Return the first of these fields that says something, in brackets."""
    found = [value[name] for name in names if isinstance(value, dict) and isinstance(value.get(name), str)]
    return f" ({found[0]})" if found else ""


def default_of_kind(kinds: Kinds, record: Json, name: str) -> Json:
    """The default of a field of a node or trigger; ``None`` if it has none."""
    kind = record.get("type") if isinstance(record, dict) else None
    return default_in(kinds.section(kind), name) if isinstance(kind, str) and kind in kinds.kinds else None


def default_in(section: Section, name: str) -> Json:
    """The default of a field of a section; ``None`` if it has none."""
    return next((each.default for each in section.fields if each.name == name), None)


def value_at(document: Json, at: Path) -> Json:
    """The value at a path of a document; ``None`` if there is none."""
    for part in at:
        document = document.get(part) if isinstance(document, dict) else None
    return document
