"""What the checks of a definition write into: the problems, and the expressions still to be compiled.

Checks name a place by its path in the document; lines and columns are looked up once, at the end, because a
definition that comes from the database has none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from typing import Final, Literal, TypeAlias

from engine.errors import Problem
from engine.model.base import Json

Path: TypeAlias = tuple[str | int, ...]

MAX_PROBLEMS: Final = 500


class Invalid(Enum):
    """The value a check returns for something it has reported, so that later checks leave it alone."""

    INVALID = "invalid"


INVALID: Final = Invalid.INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A position in a text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Where the keys and the values of a document stand in its text."""

    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)

    def find(self, at: Path, *, key: bool) -> Mark | None:
        """Return the mark of ``at``, or of the nearest thing around it when ``at`` itself is missing."""
        first, second = (self.keys, self.values) if key else (self.values, self.keys)
        mark = first.get(at) or second.get(at)
        while mark is None and at:
            at = at[:-1]
            mark = self.keys.get(at) or self.values.get(at)
        return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem, by path; ``key`` points at the key of a mapping's entry and not at its value."""

    at: Path
    message: str
    fix: str | None
    key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundExpression:
    """A text that holds an expression: ``bare``, or with holes."""

    at: Path
    text: str
    bare: bool


class Report:
    """Collects the findings and the expressions of one document."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.expressions: list[FoundExpression] = []

    def wrong(self, at: Path, message: str, *, fix: str | None = None, key: bool = False) -> Literal[Invalid.INVALID]:
        """Note a problem and return the value that stands for what was wrong."""
        self.findings.append(Finding(at=at, message=message, fix=fix, key=key))
        return INVALID

    def expression(self, at: Path, text: str, *, bare: bool) -> None:
        """Note a text whose expressions must compile."""
        self.expressions.append(FoundExpression(at=at, text=text, bare=bare))

    def problems(self, positions: Positions | None = None) -> list[Problem]:
        """Return the problems, in the order of the text where it is known, at most ``MAX_PROBLEMS`` and a last line."""
        found = [_problem(finding, positions) for finding in dict.fromkeys(self.findings)]
        if positions is not None:
            found.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
        if len(found) > MAX_PROBLEMS:
            more = len(found) - MAX_PROBLEMS
            found[MAX_PROBLEMS:] = [Problem(place="document", message=f"{more} more problems are not shown")]
        return found


def place(at: Path) -> str:
    """Write a path as people read it: ``nodes.route.cases[0].when``; ``document`` for the whole."""
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "document"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return a fix that names the known name closest to ``name``, or all of them when they are few."""
    names = list(known)
    folded: Mapping[str, str] = {each.lower(): each for each in names}
    close = get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    if close:
        return f'did you mean "{folded[close[0]]}"?'
    if 0 < len(names) <= 12:
        return "known: " + ", ".join(names)
    return None


def describe(value: Json) -> str:
    """Say what kind of value was found, for messages."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{shorten(value)}"'
    if isinstance(value, int | float):
        return f"{value}"
    return "a list" if isinstance(value, list) else "a mapping"


def shorten(text: str, limit: int = 60) -> str:
    """Cut a long text for a message."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _problem(finding: Finding, positions: Positions | None) -> Problem:
    mark = positions.find(finding.at, key=finding.key) if positions is not None else None
    return Problem(
        place=place(finding.at),
        message=finding.message,
        line=mark.line if mark else None,
        column=mark.column if mark else None,
        fix=finding.fix,
    )
