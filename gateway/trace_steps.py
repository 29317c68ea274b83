"""One step of a trace, as it is read from the API."""

from dataclasses import dataclass
from datetime import datetime

from engine.model.base import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One attempt at a node; ``kind`` says what the node is, or which action it calls.

    Of a loop or parallel node ``inside`` says how far it is, ``begun`` how many iterations or branches were begun, from
    the one numbered ``first`` on;
    ``inner`` are the nodes in the branches of a parallel one (``left.call``).
    """

    path: str
    kind: str
    status: str
    attempt: int = 1
    started_at: datetime | None = None
    finished_at: datetime | None = None
    ports: tuple[str, ...] = ()
    output: Json = None
    error: str = ""
    due_at: datetime | None = None
    wait_reason: str | None = None
    note: str | None = None
    inside: str = ""
    begun: int = 0
    first: int = 0
    inner: tuple[str, ...] = ()
