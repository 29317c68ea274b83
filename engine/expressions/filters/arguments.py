"""What filters demand of their values, with the error that names the filter and what it got."""

from collections.abc import Mapping
from typing import Any

from engine.errors import ExpressionError
from engine.expressions.lookup import pluck
from engine.expressions.values import kind
from engine.model.base import Json


def text(value: Json, where: str) -> str:
    """Demand a text."""
    if isinstance(value, str):
        return value
    raise ExpressionError(f'{where} needs a text, not {kind(value)}; write "value | text" to convert')


def items(value: Json, where: str) -> list[Json]:
    """Demand a list."""
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        return list(value)
    raise ExpressionError(f"{where} needs a list, not {kind(value)}")


def fields(value: Json, where: str) -> Mapping[str, Json]:
    """Demand a mapping."""
    if isinstance(value, Mapping):
        return value
    raise ExpressionError(f"{where} needs a mapping, not {kind(value)}")


def number(value: Json, where: str) -> Any:
    """Demand a number; true and false are none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ExpressionError(f'{where} needs a number, not {kind(value)}; write "value | number" to convert')


def whole(value: Json, where: str, *, low: int = -1_000_000_000, high: int = 1_000_000_000) -> int:
    """Demand an integer between two bounds."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    shown = value if isinstance(value, int | float) and abs(value) < 10**15 else kind(value)
    raise ExpressionError(f"{where} needs a whole number from {low:,} to {high:,}, not {shown}")


class Attribute:
    """A dotted path inside each item of a list, ``customer.name``; null stands for the item itself."""

    __slots__ = ("path",)

    def __init__(self, path: Json, where: str) -> None:
        self.path = [] if path is None else text(path, where).split(".", 20)
        if len(self.path) > 20 or (path is not None and len(path) > 400):
            raise ExpressionError(f"{where}: the attribute has more than 20 parts or 400 characters")

    @property
    def cost(self) -> int:
        """Units for following the path once."""
        return 60 + 400 * len(self.path)

    def of(self, item: Json) -> Json:
        """Return what the path names inside ``item``, or null."""
        if len(self.path) == 1 and type(item) is dict:
            return item.get(self.path[0])
        return pluck(item, self.path)
