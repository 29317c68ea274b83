"""Reads YAML as its version 1.2 means it, from the parser's events, without PyYAML's 1.1 rules for plain scalars.

``on``, ``yes`` and ``1:30`` are texts here, ``010`` is ten, and no tag builds anything. Events are taken one by one,
so that the bounds of ``Growing`` hold before a hostile text is expanded.
Core schema: https://yaml.org/spec/1.2.2/#103-core-schema
"""

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from engine.definition.report import Mark
from engine.definition.source import Growing, SyntaxProblem, Tree, refuse, syntax_problem
from engine.model.base import Json

# libyaml where PyYAML was built with it, about ten times faster; the events are the same.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def read_yaml(text: str) -> Tree:
    """Read one YAML document.

    Raises:
        InvalidDefinition: It is no YAML, or breaks a bound; with what was wrong before that point.
    """
    reader = _Reader()
    try:
        for event in _events(text):
            reader.take(event)
        if not reader.documents:
            raise SyntaxProblem("the text is empty", Mark(line=1, column=1), fix="begin with name: …")
    except SyntaxProblem as stop:
        refuse(*reader.growing.report.problems(reader.growing.positions), syntax_problem(stop))
    growing = reader.growing
    return Tree(document=growing.root, positions=growing.positions, report=growing.report)


class _Reader:
    """Feeds events into a growing document."""

    def __init__(self) -> None:
        self.growing = Growing()
        self.documents = 0
        self._anchors: dict[str, Json] = {}
        self._key_next: list[bool | None] = []  # one per open container; None for a list

    def take(self, event: Any) -> None:
        mark = _mark(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise SyntaxProblem("a second document begins here", mark, fix="put it into a text of its own")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._key_next.pop()
            self.growing.close()
            self._value_done()
        elif isinstance(event, yaml.NodeEvent):
            tag = getattr(event, "tag", None)
            if tag not in (None, "!"):
                raise SyntaxProblem(f'the tag "{tag}" is not allowed', mark, at=self.growing.path)
            if self._key_next and self._key_next[-1]:
                self._key(event, mark)
            else:
                self._value(event, mark)

    def _key(self, event: Any, mark: Mark) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            fix = 'put a text that begins with "{{" into quotes' if isinstance(event, yaml.MappingStartEvent) else None
            raise SyntaxProblem("a key must be a text", mark, at=self.growing.path[:-1], fix=fix)
        self.growing.key(event.value, mark)
        if event.anchor:
            self._anchors[event.anchor] = event.value
        self._key_next[-1] = False

    def _value(self, event: Any, mark: Mark) -> None:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise SyntaxProblem(f'nothing is named "&{event.anchor}" above', mark, at=self.growing.path)
            self.growing.copy(self._anchors[event.anchor], mark)
            self._value_done()
        elif isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, mark)
            self.growing.add(value, mark)
            self._remember(event, value)
            self._value_done()
        else:
            mapping = isinstance(event, yaml.MappingStartEvent)
            container: Json = {} if mapping else []
            self.growing.open(container, mark)
            self._remember(event, container)
            self._key_next.append(True if mapping else None)

    def _value_done(self) -> None:
        if self._key_next and self._key_next[-1] is False:
            self._key_next[-1] = True

    def _remember(self, event: Any, value: Json) -> None:
        if event.anchor:
            self._anchors[event.anchor] = value

    def _scalar(self, event: Any, mark: Mark) -> Json:
        if not event.implicit[0]:
            return self.growing.text(event.value, mark, at=self.growing.path)
        value = plain_scalar(event.value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.growing.number(value, mark)
        return self.growing.text(value, mark, at=self.growing.path) if isinstance(value, str) else value


def plain_scalar(text: str) -> Json:
    """Give an unquoted scalar its value by the core schema of YAML 1.2."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    return math.inf if _NOT_FINITE.fullmatch(text) else text


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        around = f" {error.context}" if error.context else ""
        where = _mark(mark) if mark else Mark(line=1, column=1)
        raise SyntaxProblem(f"this is no YAML: {error.problem}{around}", where, fix=_hint(text, where)) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        where = Mark(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        raise SyntaxProblem("the text holds a character that YAML does not allow", where) from error


def _hint(text: str, mark: Mark) -> str | None:
    lines = text.splitlines()
    line = lines[mark.line - 1] if mark.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not tabs"
    if "{{" in line:
        return 'put a text with "{{ … }}" or ": " into quotes'
    return None


def _mark(mark: Any) -> Mark:
    return Mark(line=mark.line + 1, column=mark.column + 1)
