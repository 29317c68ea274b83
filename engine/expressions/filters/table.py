"""One entry of the allow-lists, and the decorator with which a function enters them."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from engine.model.base import Json

F = TypeVar("F", bound=Callable[..., Json])


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterDoc:
    """A filter or a test as users see it, with the function behind it.

    ``examples`` are expressions with the value each yields; the tests run them. ``takes_null`` says that the
    function sees null; every other filter answers null for null without being called.
    """

    name: str
    group: str
    usage: str
    summary: str
    examples: tuple[tuple[str, Json], ...]
    function: Callable[..., Json]
    takes_null: bool


class Table:
    """Collects one group of filters or tests. A trailing underscore keeps a function's name off a built-in."""

    def __init__(self, group: str, *, sign: str = "|") -> None:
        self.group = group
        self.entries: dict[str, FilterDoc] = {}
        self._sign = sign

    def add(self, summary: str, *examples: tuple[str, Json], null: bool = False) -> Callable[[F], F]:
        """Enter a function ``(budget, value, *arguments)``; ``null`` if it wants to see null."""

        def enter(function: F) -> F:
            name = function.__name__.rstrip("_")
            usage = f"value {self._sign} {name}{_arguments(function)}"
            self.entries[name] = FilterDoc(
                name=name,
                group=self.group,
                usage=usage,
                summary=summary,
                examples=examples,
                function=function,
                takes_null=null,
            )
            return function

        return enter


def misuse(entry: FilterDoc, positional: int, keywords: Sequence[str]) -> str | None:
    """Say what is wrong with the number or the names of the arguments; ``None`` if nothing is."""
    if len(set(keywords)) < len(keywords):
        return "an argument is named twice"
    try:
        _signature(entry.function).bind(None, None, *[None] * positional, **dict.fromkeys(keywords))
    except TypeError as error:
        return str(error).replace("'", '"')
    return None


@lru_cache(maxsize=256)
def _signature(function: Callable[..., Json]) -> inspect.Signature:
    return inspect.signature(function)


def _arguments(function: Callable[..., Json]) -> str:
    shown = []
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            shown.append(f"{parameter.name}...")
        elif parameter.default is parameter.empty:
            shown.append(parameter.name)
        else:
            shown.append(f"{parameter.name}={_literal(parameter.default)}")
    return f"({', '.join(shown)})" if shown else ""


def _literal(value: Json) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value)
