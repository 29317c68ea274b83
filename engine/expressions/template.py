"""JSON values whose texts may hold ``{{ holes }}``: what ``with``, ``set`` and ``body`` hold.

A text that is exactly one hole yields the hole's value with its type; any other text with holes yields text.
What holds no hole is a constant and costs nothing to render. Keys of mappings are never templates.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from engine.errors import ExpressionError
from engine.expressions.bounds import MAX_CHARACTERS, MAX_DEPTH, MAX_TEXT, Budget
from engine.expressions.expression import Expression, Scope, compile_expression, shown
from engine.expressions.lookup import Lookup, find, require
from engine.expressions.values import kind, to_text
from engine.model.base import Json

_OPEN = re.compile(r"\{[{%#]")
_INSIDE = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\}\}|[{}'"]""", re.DOTALL)


class Template:
    """Immutable and safe to share between threads.

    ``references`` are those of all its expressions; ``is_constant`` says that it has none and renders to itself.
    """

    __slots__ = ("_plan", "is_constant", "references")

    references: frozenset[str]
    is_constant: bool

    def __init__(self, plan: "_Plan", references: frozenset[str]) -> None:
        self._plan = plan
        self.references = references
        self.is_constant = isinstance(plan, _Constant)

    def render(self, scope: Scope, *, strict: bool = False) -> Json:
        """Return the value with every hole filled; all holes share the work bound of one evaluation.

        Constant parts and values from ``scope`` are not copied, so nobody may change them.

        Raises:
            ExpressionError: The message names the hole that failed and why.
        """
        return self.render_within(Budget(), scope, require if strict else find)

    def render_within(self, budget: Budget, scope: Scope, get: Lookup) -> Json:
        """Render on a budget that is shared with other templates and expressions."""
        return self._plan.render(budget, scope, get)


def compile_template(value: Json, *, names: frozenset[str] = frozenset()) -> Template:
    """Compile a JSON value with holes.

    Args:
        value: Mappings, lists and scalars; texts may hold holes.
        names: Names in scope beyond the usual ones, such as the one that a loop gives its item.

    Raises:
        ExpressionError: A hole is not in the language or not closed; the message begins with the path inside ``value``.
    """
    expressions: list[Expression] = []
    plan = _plan(value, names, expressions, ())
    return Template(plan, frozenset().union(*(expression.references for expression in expressions)))


class _Plan(Protocol):
    """Something that renders: one of the five below."""

    def render(self, budget: Budget, scope: Scope, get: Lookup, /) -> Json: ...


class _Constant:
    __slots__ = ("value",)

    def __init__(self, value: Json) -> None:
        self.value = value

    def render(self, _budget: Budget, _scope: Scope, _get: Lookup) -> Json:
        return self.value


class _Hole:
    __slots__ = ("expression",)

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def render(self, budget: Budget, scope: Scope, get: Lookup) -> Json:
        return self.expression.evaluate_within(budget, scope, get)


class _Text:
    __slots__ = ("parts",)

    def __init__(self, parts: tuple[str | Expression, ...]) -> None:
        self.parts = parts

    def render(self, budget: Budget, scope: Scope, get: Lookup) -> Json:
        texts, length = [], 0
        for part in self.parts:
            text = part if isinstance(part, str) else _filled(budget, scope, get, part)
            length += len(text)
            texts.append(text)
        budget.make_text(length)
        return "".join(texts)


class _Mapping:
    __slots__ = ("entries",)

    def __init__(self, entries: dict[str, _Plan]) -> None:
        self.entries = tuple(entries.items())

    def render(self, budget: Budget, scope: Scope, get: Lookup) -> Json:
        return {key: plan.render(budget, scope, get) for key, plan in self.entries}


class _List:
    __slots__ = ("items",)

    def __init__(self, items: list[_Plan]) -> None:
        self.items = tuple(items)

    def render(self, budget: Budget, scope: Scope, get: Lookup) -> Json:
        return [plan.render(budget, scope, get) for plan in self.items]


def _plan(value: Json, names: frozenset[str], expressions: list[Expression], path: tuple[str | int, ...]) -> _Plan:
    if isinstance(value, str):
        return _text_plan(value, names, expressions, path)
    if not isinstance(value, Mapping | list | tuple):
        return _Constant(value)
    if len(path) > MAX_DEPTH:
        raise ExpressionError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        entries = {key: _plan(one, names, expressions, (*path, key)) for key, one in value.items()}
        return _Constant(value) if _all_constant(entries.values()) else _Mapping(entries)
    items = [_plan(one, names, expressions, (*path, index)) for index, one in enumerate(value)]
    return _Constant(value) if _all_constant(items) else _List(items)


def _all_constant(plans: Iterable[_Plan]) -> bool:
    return all(isinstance(plan, _Constant) for plan in plans)


def _text_plan(text: str, names: frozenset[str], expressions: list[Expression], path: tuple[str | int, ...]) -> _Plan:
    if _OPEN.search(text) is None:
        return _Constant(text)
    try:
        parts = [_in_hole(part, names) if is_hole else part for is_hole, part in _parts(text)]
    except ExpressionError as error:
        raise ExpressionError(f"{'.'.join(map(str, path))}: {error}" if path else str(error)) from None
    expressions.extend(part for part in parts if isinstance(part, Expression))
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return _Hole(parts[0])
    return _Text(tuple(parts))


def _in_hole(part: str, names: frozenset[str]) -> Expression:
    if part[:1] in ("-", "+") or part[-1:] in ("-", "+"):
        raise ExpressionError(f"there is no white-space control; write a space after the braces, in {shown(part)}")
    return compile_expression(part.strip(), names=names)


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield ``(is_hole, text)`` for each literal part and the inside of each hole, in order."""
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"the text has {len(text):,} characters; the bound is {MAX_TEXT:,}")
    at = 0
    while (opening := _OPEN.search(text, at)) is not None:
        if opening.start() > at:
            yield False, text[at : opening.start()]
        if opening.group() != "{{":
            raise ExpressionError(
                f'character {opening.start() + 1}: "{opening.group()}" opens a statement or comment; there are none; '
                f"for the characters themselves write {{{{ '{opening.group()}' }}}}"
            )
        end = _end_of_hole(text, opening.end())
        yield True, text[opening.end() : end]
        at = end + 2
    if at < len(text):
        yield False, text[at:]


def _end_of_hole(text: str, start: int) -> int:
    """Return where ``}}`` closes the hole, past the texts and mappings inside it."""
    depth, at, limit = 0, start, start + MAX_CHARACTERS + 2
    while (found := _INSIDE.search(text, at, limit)) is not None:
        mark, at = found.group(), found.end()
        if mark == "{":
            depth += 1
        elif mark in ("}", "}}") and depth:
            depth, at = depth - 1, found.start() + 1
        elif mark == "}}":
            return found.start()
        elif mark in ("'", '"'):
            raise ExpressionError(f"character {found.start() + 1}: the quote {mark} is not closed")
    if len(text) > limit:
        raise ExpressionError(
            f'character {start - 1}: the hole is not closed with "}}}}" within {MAX_CHARACTERS:,} characters'
        )
    raise ExpressionError(
        f"character {start - 1}: the hole is not closed with \"}}}}\"; for the braces write {{{{ '{{{{' }}}}"
    )


def _filled(budget: Budget, scope: Scope, get: Lookup, hole: Expression) -> str:
    value = hole.evaluate_within(budget, scope, get)
    if type(value) is str:
        return value
    try:
        return to_text(budget, value)
    except ExpressionError as error:
        raise ExpressionError(f"{error}, in {shown(hole.source)} which is {kind(value)}") from None
