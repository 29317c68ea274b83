"""The text of a definition, read into plain JSON with the position of every key and value.

YAML and JSON give the same ``Tree``; what is common to both (bounds, texts that cannot be stored) is decided here.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from engine.definition.report import Mark, Path, Positions, Report, describe, place
from engine.errors import InvalidDefinition, Problem
from engine.model.base import Json, JsonObject

MAX_BYTES: Final = 1_048_576
MAX_DEPTH: Final = 50
MAX_VALUES: Final = 50_000
MAX_INTEGER: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_STORABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A definition as somebody wrote it."""

    text: str
    media: Literal["yaml", "json"]

    @classmethod
    def detect(cls, text: str) -> "Source":
        """Take a text for JSON when it begins like a JSON object or list, else for YAML."""
        return cls(text=text, media="json" if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") else "yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A document with its positions, and what was already wrong with the text (duplicate keys, odd values)."""

    document: Json
    positions: Positions = field(default_factory=Positions)
    report: Report = field(default_factory=Report)


class SyntaxProblem(Exception):
    """The text is no YAML or JSON from here on; nothing after this point could be read."""

    def __init__(self, message: str, mark: Mark, *, at: Path = (), fix: str | None = None) -> None:
        super().__init__(message)
        self.mark = mark
        self.at = at
        self.fix = fix


class Growing:
    """A document under construction: containers are opened and closed, values and keys are added in text order.

    Both readers feed it, so that depth, number of values, duplicate keys and positions are treated alike.
    """

    def __init__(self) -> None:
        self.root: Json = None
        self.positions = Positions()
        self.report = Report()
        self._open: list[JsonObject | list[Json]] = []
        self._path: list[str | int] = []
        self._values = 0

    @property
    def path(self) -> Path:
        """Where the next value goes."""
        return tuple(self._path)

    @property
    def depth(self) -> int:
        """How many containers are open."""
        return len(self._open)

    def key(self, name: str, mark: Mark) -> None:
        """Begin an entry of the open mapping."""
        self.text(name, mark, at=self.path)
        self._path[-1] = name
        mapping = self._open[-1]
        if name in mapping:
            self.report.wrong(self.path, f'"{name}" stands here twice', fix="keep one of the two", key=True)
        self.positions.keys[self.path] = mark

    def add(self, value: Json, mark: Mark) -> None:
        """Put a value where the last key, or the open list, says."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise SyntaxProblem(f"the text holds more than {MAX_VALUES} values", mark, at=self.path)
        self.positions.values[self.path] = mark
        if not self._open:
            self.root = value
        elif isinstance(holder := self._open[-1], list):
            holder.append(value)
            self._path[-1] = len(holder)
        else:
            holder[str(self._path[-1])] = value

    def open(self, container: JsonObject | list[Json], mark: Mark) -> None:
        """Add an empty container and go inside it."""
        if len(self._open) >= MAX_DEPTH:
            raise SyntaxProblem(f"the text is nested more than {MAX_DEPTH} deep", mark, at=self.path)
        at = self.path
        self.add(container, mark)
        self._path = [*at, 0 if isinstance(container, list) else ""]
        self._open.append(container)

    def copy(self, value: Json, mark: Mark) -> None:
        """Add a copy of a value that stands elsewhere; all of it has the position of the reference."""
        if any(value is container for container in self._open):
            raise SyntaxProblem("the alias refers to what it is part of", mark, at=self.path, fix="write it out")
        if not isinstance(value, dict | list):
            self.add(value, mark)
            return
        self.open({} if isinstance(value, dict) else [], mark)
        for entry in list(value):
            if isinstance(value, dict):
                self.key(entry, mark)
            self.copy(value[entry] if isinstance(value, dict) else entry, mark)
        self.close()

    def close(self) -> None:
        """Leave the container opened last."""
        self._open.pop()
        self._path.pop()
        if self._open and isinstance(holder := self._open[-1], list):
            self._path[-1] = len(holder)

    def text(self, text: str, mark: Mark, *, at: Path) -> str:
        """Return ``text`` if a database can keep it."""
        if _NOT_STORABLE.search(text):
            raise SyntaxProblem("the text holds NUL or half a surrogate, which cannot be stored", mark, at=at)
        return text

    def number(self, value: float, mark: Mark) -> int | float:
        """Return ``value`` if JSON and 64 bits can hold it."""
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise SyntaxProblem("the number does not fit into 64 bits", mark, at=self.path, fix="put it in quotes")
        if not math.isfinite(value):
            raise SyntaxProblem("the number is not finite", mark, at=self.path, fix="put it in quotes")
        return value


def refuse_unreadable(text: str) -> None:
    """Refuse a text that is too long to be looked at, or that is no Unicode.

    Raises:
        InvalidDefinition: It is; nothing of it was parsed.
    """
    half = _SURROGATE.search(text)
    if half is not None:
        line = text.count("\n", 0, half.start()) + 1
        column = half.start() - text.rfind("\n", 0, half.start())
        refuse(Problem(place="document", message="the text holds half a surrogate", line=line, column=column))
    if len(text) > MAX_BYTES or len(text.encode()) > MAX_BYTES:
        refuse(Problem(place="document", message=f"the text is longer than {MAX_BYTES} bytes", line=1, column=1))


def refuse(*problems: Problem) -> NoReturn:
    """Raise the problems of a text."""
    raise InvalidDefinition(list(problems))


def require_mapping(tree: Tree) -> JsonObject:
    """Return the document as the mapping it must be.

    Raises:
        InvalidDefinition: It is something else; the problem says what.
    """
    if isinstance(tree.document, dict):
        return tree.document
    tree.report.wrong((), f"a definition is a mapping, this is {describe(tree.document)}", fix="begin with name: …")
    raise InvalidDefinition(tree.report.problems(tree.positions))


def syntax_problem(problem: SyntaxProblem) -> Problem:
    """Turn the end of reading into a problem."""
    mark = problem.mark
    return Problem(place=place(problem.at), message=str(problem), line=mark.line, column=mark.column, fix=problem.fix)
