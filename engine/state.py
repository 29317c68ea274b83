"""What the planner keeps about one execution: tokens on edges, visits under way, and what finished nodes gave.

Everything here can be rebuilt from the recorded steps, so none of it is stored.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from engine.graph import CompiledNode, Graph
from engine.model.base import Json, JsonObject
from engine.model.execution import Failure, Status


@dataclass(frozen=True, slots=True)
class Token:
    """The news an edge carries: its source finished and left by this port (live), or never will (dead)."""

    live: bool
    source: str = ""
    output: Json = None


DEAD = Token(live=False)


class Stage(StrEnum):
    """Where a visit stands in the executor that owns the execution."""

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"


@dataclass(slots=True)
class Visit:
    """One run of a node inside an execution, with all its attempts.

    ``arrivals`` are the live tokens that started it; none for a start node. ``intended`` means that an unrepeatable
    call was announced in the database and its outcome is not recorded. ``waiting_since`` is when an attempt that waits
    began, so that its record spans the whole wait.
    """

    path: str
    node: CompiledNode
    arrivals: tuple[Token, ...] = ()
    attempt: int = 1
    stage: Stage = Stage.READY
    due_at: datetime | None = None
    reason: str | None = None
    waiting_since: datetime | None = None
    intended: bool = False


@dataclass(slots=True)
class Gathering:
    """The tokens of one generation at a node with several inbound edges, by edge index."""

    tokens: dict[int, Token] = field(default_factory=dict)
    fired: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution came to its end before all its paths did."""

    status: Status
    output: Json = None
    error: Failure | None = None


@dataclass(slots=True)
class State:
    """One execution's state. ``planner`` changes it, others read it.

    ``pending`` holds every visit that started and is not finished, by path. ``ends`` holds the outputs of visits
    after which nothing came. ``seq`` is the number of the last record, ``total`` how many visits there were.
    """

    graph: Graph
    data: Json
    variables: JsonObject
    queues: list[deque[Token]]
    visits: dict[str, int] = field(default_factory=dict)
    gatherings: dict[str, Gathering] = field(default_factory=dict)
    pending: dict[str, Visit] = field(default_factory=dict)
    ready: list[Visit] = field(default_factory=list)
    outputs: JsonObject = field(default_factory=dict)
    ends: JsonObject = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    absorbing: set[str] = field(default_factory=set)
    ending: Ending | None = None
    seq: int = 0
    total: int = 0

    def take_ready(self) -> list[Visit]:
        """Hand over the visits that may run now; they count as running from here on."""
        taken, self.ready = self.ready, []
        for visit in taken:
            visit.stage = Stage.RUNNING
        return taken

    def input_of(self, visit: Visit) -> Json:
        """What arrived at a visit: the trigger's data, the one output before it, or the outputs by node."""
        arrivals = visit.arrivals
        if not arrivals:
            return self.data
        if len(arrivals) == 1:
            return arrivals[0].output
        return {token.source: token.output for token in arrivals}
