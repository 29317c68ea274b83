"""Debugging an execution: where it is to stop, and what a person changed while it stood."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BREAKPOINT: Final = "breakpoint"
"""The ``wait_reason`` of an execution that stands at a breakpoint."""


class When(StrEnum):
    """On which side of a step an execution stops."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakpoint:
    """Stop at every visit of a node, or at those for which ``condition`` (an expression) holds."""

    node: str
    when: When = When.BEFORE
    condition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugPlan:
    """How an execution is debugged.

    ``stepping`` stops before every visit. ``since`` is the number of the last record when the plan was made: what was
    recorded up to then stops nothing any more.
    """

    breakpoints: tuple[Breakpoint, ...] = ()
    stepping: bool = False
    since: int = 0


def mark_path(target: str, seq: int) -> str:
    """The path of a record that marks something at a visit, or at a node, instead of being a visit itself."""
    return f"{target}@{seq}"


def marked_path(path: str) -> str:
    """What a mark is at: ``charge#2`` for ``charge#2@14``."""
    return path.rpartition("@")[0]
