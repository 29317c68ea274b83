"""Which history is kept: a workflow's own bounds before the hub's; and how much one short transaction may remove."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from engine.model.base import JsonObject, parse_duration
from engine.model.workflow import Retention

TARGET: Final = timedelta(milliseconds=100)
"""How long a transaction that removes history should take at most; others wait for it on SQLite."""
FIRST: Final = 20
LEAST: Final = 10
"""Fewer at once would save no time: on a busy machine it is the statements that take long, not the rows."""


def retention_of(document: JsonObject, hub: Retention) -> Retention:
    """Read ``settings.retain`` of a stored version, which was checked when it was saved; else the hub's."""
    given = (document.get("settings") or {}).get("retain")
    if given is None:
        return hub
    if isinstance(given, str):
        given = {"age": given}
    age = parse_duration(given["age"]) if "age" in given else hub.age
    return Retention(age=age, count=given.get("count", hub.count))


@dataclass(slots=True)
class Pace:
    """How many objects to remove at once: half as many after a slow transaction, twice as many after a quick one."""

    most: int
    target: timedelta = TARGET
    size: int = 0
    rest: timedelta = timedelta()

    def __post_init__(self) -> None:
        self.size = min(self.most, FIRST)

    def took(self, seconds: float) -> None:
        """Learn from a transaction; ``rest`` is what to wait before the next, as long as this one took."""
        self.rest = timedelta(seconds=max(seconds, 0.0))
        if self.rest > self.target:
            self.size = min(self.most, max(LEAST, self.size // 2))
        elif self.rest < self.target / 4:
            self.size = min(self.most, self.size * 2)
