"""Arrivals: what came from outside for a step that waits for it, or that is going to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.model.base import ExecutionId, Json


class Awaited(StrEnum):
    """What a step may wait for that no clock brings; the reason it waits for, and the kind of the arrival."""

    CALLBACK = "callback"
    EVENT = "event"
    EXECUTION = "execution"
    APPROVAL = "approval"
    CHILD = "child"


AWAITED = frozenset(Awaited)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Something that came for the step at ``path``. Identity: (execution, ``path``, ``subject``); the first one counts.

    ``subject`` tells several for one step apart, and is empty where there can only be one. ``by`` is who brought it. An
    ``urgent`` one wakes the step although it waits for more.
    """

    execution_id: ExecutionId
    path: str
    kind: Awaited
    subject: str = ""
    payload: Json = None
    arrived_at: datetime
    by: str = ""
    urgent: bool = False
