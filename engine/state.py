"""What the planner keeps about one execution: frames with tokens on edges, visits under way, what finished nodes gave.

Everything here can be rebuilt from the recorded steps, so none of it is stored.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from engine.flow import CompiledNode, Flow
from engine.graph import Graph
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
    """Where a visit stands in the executor that owns the execution; ``open``: what is inside it runs."""

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    OPEN = "open"


@dataclass(slots=True, eq=False)
class Visit:
    """One run of a node inside an execution, with all its attempts.

    ``arrivals`` are the live tokens that started it; none for a start node. ``intended`` means that an unrepeatable
    call was announced in the database and its outcome is not recorded. ``waiting_since`` is when an attempt that waits
    began, so that its record spans the whole wait. ``inside`` is what an open loop or parallel node has under way,
    ``given`` the input that a person gave instead of what arrived.
    """

    path: str
    node: CompiledNode
    frame: "Frame"
    arrivals: tuple[Token, ...] = ()
    attempt: int = 1
    stage: Stage = Stage.READY
    due_at: datetime | None = None
    reason: str | None = None
    waiting_since: datetime | None = None
    intended: bool = False
    inside: "Inside | None" = None
    given: tuple[Json] | None = None


@dataclass(slots=True)
class Gathering:
    """The tokens of one generation at a node with several inbound edges, by edge index."""

    tokens: dict[int, Token] = field(default_factory=dict)
    fired: bool = False


@dataclass(slots=True)
class Region:
    """One activation of a region of cycles.

    ``busy`` counts the visits that run in it, ``entered`` are the edges into it that brought news, ``taken`` those out
    of it that a visit left by, ``held`` those that some visit did not.
    """

    busy: int = 0
    entered: set[int] = field(default_factory=set)
    taken: set[int] = field(default_factory=set)
    held: set[int] = field(default_factory=set)


class Closing(StrEnum):
    """How a frame comes to an early end: what runs is waited for, or is cancelled too."""

    DRAIN = "drain"
    CANCEL = "cancel"


FrameKey: TypeAlias = int | str
"""The index of an iteration, or the name of a branch."""


@dataclass(slots=True, eq=False)
class Frame:
    """One run of a flow: of the workflow's own, of a body in one iteration, or of a branch.

    ``prefix`` begins the paths of its visits. ``owner`` is the visit it belongs to, under ``key``; the outermost frame
    has none. ``data`` is what its start nodes get, ``names`` what its expressions know besides the usual names,
    ``outputs`` what ``steps`` shows: the outputs around it and its own. ``visits`` counts the runs of each node,
    ``under_way`` holds the visits that are not finished, ``ends`` the outputs of visits after which nothing came.
    """

    flow: Flow
    prefix: str
    data: Json
    names: JsonObject
    outputs: JsonObject
    owner: Visit | None = None
    key: FrameKey = ""
    queues: dict[int, deque[Token]] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    gatherings: dict[str, Gathering] = field(default_factory=dict)
    regions: dict[int, Region] = field(default_factory=dict)
    under_way: dict[str, Visit] = field(default_factory=dict)
    ends: JsonObject = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    absorbing: set[str] = field(default_factory=set)
    closing: Closing | None = None
    failure: Failure | None = None

    def result(self) -> Json:
        """What it gave: the output of its last node, or outputs by path if several ways ended; null if none did."""
        if len(self.ends) == 1:
            return next(iter(self.ends.values()))
        return dict(self.ends) if self.ends else None


@dataclass(slots=True, eq=False)
class Inside:
    """What an open visit has under way.

    ``opening`` is what was recorded when it was opened: ``{"over": [...]}``, ``{"times": n}`` or ``{"rounds": n}`` of a
    loop, ``{}`` of a parallel node. ``begun`` counts the frames begun, ``frames`` holds those not over. ``results`` are
    by key, of which ``succeeded`` are no collected failures; ``failures`` those of branches. ``failure`` is why the
    visit must fail. ``seq`` is its record's number.
    """

    opening: JsonObject
    seq: int
    begun: int = 0
    frames: dict[FrameKey, Frame] = field(default_factory=dict)
    results: dict[FrameKey, Json] = field(default_factory=dict)
    succeeded: int = 0
    failures: dict[FrameKey, Failure] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution came to its end before all its paths did."""

    status: Status
    output: Json = None
    error: Failure | None = None


class Phase(StrEnum):
    """What an execution is doing: its work, taking back what it did, or what comes last in any case."""

    WORK = "work"
    UNDO = "undo"
    FINALLY = "finally"


@dataclass(frozen=True, slots=True)
class Undoable:
    """A finished visit that can be taken back, with what its ``undo`` sees."""

    path: str
    undo: CompiledNode
    output: Json
    names: JsonObject
    outputs: JsonObject


@dataclass(slots=True)
class State:
    """One execution's state. ``planner`` changes it, others read it.

    ``pending`` holds every visit of every frame that started and is not finished, by path; ``ready`` those that may
    run now. ``closing`` counts the frames that come to an early end. ``undoable`` are finished visits in their order.
    ``seq`` is the number of the last record.
    """

    graph: Graph
    root: Frame
    variables: JsonObject
    pending: dict[str, Visit] = field(default_factory=dict)
    ready: list[Visit] = field(default_factory=list)
    closing: int = 0
    undoable: list[Undoable] = field(default_factory=list)
    phase: Phase = Phase.WORK
    ending: Ending | None = None
    seq: int = 0

    @property
    def stopping(self) -> bool:
        """Whether no further node of the work may begin."""
        return self.ending is not None and self.phase is Phase.WORK

    def take_ready(self) -> list[Visit]:
        """Hand over the visits that may run now; they count as running from here on."""
        taken, self.ready = self.ready, []
        for visit in taken:
            visit.stage = Stage.RUNNING
        return taken

    def doomed(self) -> list[Visit]:
        """The visits that are to be cancelled now, because their iteration or branch comes to an early end."""
        if not self.closing:
            return []
        return [visit for visit in self.pending.values() if _is_doomed(visit)]

    def input_of(self, visit: Visit) -> Json:
        """What arrived at a visit: what its frame was given, the one output before it, or the outputs by node."""
        if visit.given is not None:
            return visit.given[0]
        arrivals = visit.arrivals
        if not arrivals:
            return visit.frame.data
        if len(arrivals) == 1:
            return arrivals[0].output
        return {token.source: token.output for token in arrivals}


def _is_doomed(visit: Visit) -> bool:
    closing = visit.frame.closing
    if closing is None:
        return False
    if visit.stage is Stage.OPEN:
        return visit.inside is None or not visit.inside.frames
    return closing is Closing.CANCEL or visit.stage is not Stage.RUNNING
