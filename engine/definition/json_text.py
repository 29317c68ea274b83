"""Reads JSON (RFC 8259) with the position of every key and value, which the standard library's parser does not keep.

Without recursion: the open containers are in ``Growing``, which bounds them.
"""

import json
import re
from bisect import bisect_right
from json import decoder
from typing import Any, Final, NoReturn

from engine.definition.report import Mark
from engine.definition.source import Growing, SyntaxProblem, Tree, refuse, syntax_problem
from engine.model.base import Json

# The standard library's own reader of one text; typeshed does not know it, the documentation of JSONDecoder does.
_scan_text: Final[Any] = decoder.scanstring  # type: ignore[attr-defined]
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,40})(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![0-9A-Za-z_.])")
_WORD: Final = re.compile(r"[A-Za-z_]+")
_WORDS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}


def read_json(text: str) -> Tree:
    """Read one JSON document.

    Raises:
        InvalidDefinition: It is no JSON, or breaks a bound; with what was wrong before that point.
    """
    scanner = _Scanner(text)
    growing = scanner.growing
    try:
        scanner.run()
    except SyntaxProblem as stop:
        refuse(*growing.report.problems(growing.positions), syntax_problem(stop))
    return Tree(document=growing.root, positions=growing.positions, report=growing.report)


class _Scanner:
    """One pass over a text; ``_at`` is the index of the next character."""

    def __init__(self, text: str) -> None:
        self.growing = Growing()
        self._text = text
        self._at = 1 if text.startswith("\ufeff") else 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._closers: list[str] = []
        self._fresh = False  # the container on top was just opened: no comma before its next entry

    def run(self) -> None:
        self._value()
        while self._closers:
            closer = self._closers[-1]
            if self._peek() == closer:
                self._close()
                continue
            if not self._fresh:
                self._expect(",", f'expected "," or "{closer}"')
            self._fresh = False
            if closer == "}":
                self._key()
            self._value()
        if self._peek():
            self._stop("expected the end of the text")

    def _close(self) -> None:
        self._at += 1
        self._fresh = False
        self._closers.pop()
        self.growing.close()

    def _key(self) -> None:
        if self._peek() != '"':
            self._stop("expected a key in double quotes")
        mark = self._mark(self._at)
        self.growing.key(self._string(), mark)
        self._expect(":", 'expected ":" after the key')

    def _value(self) -> None:
        first = self._peek()
        mark = self._mark(self._at)
        if first in ("{", "["):
            self._at += 1
            self.growing.open({} if first == "{" else [], mark)
            self._closers.append("}" if first == "{" else "]")
            self._fresh = True
        elif first == '"':
            text = self._string()
            self.growing.add(self.growing.text(text, mark, at=self.growing.path), mark)
        elif number := _NUMBER.match(self._text, self._at):
            self._at = number.end()
            value = float(number[0]) if number[1] or number[2] else int(number[0])
            self.growing.add(self.growing.number(value, mark), mark)
        elif (word := _WORD.match(self._text, self._at)) and word[0] in _WORDS:
            self._at = word.end()
            self.growing.add(_WORDS[word[0]], mark)
        else:
            self._stop("expected a value: a text in double quotes, a number, true, false, null, a list or an object")

    def _string(self) -> str:
        begin = self._at
        try:
            found, self._at = _scan_text(self._text, begin + 1, True)
        except json.JSONDecodeError as error:
            self._at = min(error.pos, len(self._text))
            self._stop(f"this is no JSON text: {error.msg[:1].lower()}{error.msg[1:].removesuffix(' at')}")
        return str(found)

    def _expect(self, mark: str, message: str) -> None:
        if self._peek() != mark:
            self._stop(message)
        self._at += 1

    def _peek(self) -> str:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        return self._text[self._at : self._at + 1]

    def _mark(self, at: int) -> Mark:
        line = bisect_right(self._lines, at)
        return Mark(line=line, column=at - self._lines[line - 1] + 1)

    def _stop(self, message: str) -> NoReturn:
        found = self._text[self._at : self._at + 1]
        seen = f'found "{found}"' if found else "the text ends here"
        raise SyntaxProblem(f"{message}, {seen}", self._mark(self._at), at=self.growing.path)
