"""Runs one node alone, once: its input and what its expressions see are given, and nothing comes after it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.attempts import Attempts, Tools
from engine.edits import frame_at
from engine.errors import InvalidRequest, PatchbayError
from engine.flow import CompiledNode
from engine.graph import Graph
from engine.model.base import Json
from engine.model.execution import Claimed, Failure, Note
from engine.model.node import NodeKind
from engine.model.outcome import Failed, Opened, Outcome, Succeeded, Suspended, Unknown
from engine.nodes import PURE
from engine.nodes.base import failed
from engine.planner import begin
from engine.state import Frame, State, Token, Visit
from engine.trials.answers import UNANSWERED, AnsweredBy, rendered_inputs
from engine.trials.places import Placed, nodes_by_place


class Effects(StrEnum):
    """What becomes of a call: ``none`` only shows it, ``recorded`` answers it, ``real`` makes it."""

    NONE = "none"
    RECORDED = "recorded"
    REAL = "real"


class NodeStatus(StrEnum):
    """How a node's attempt ended; ``not_called``: it was prepared and nothing was sent."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    NOT_CALLED = "not_called"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the caller gives a node; ``None`` takes the stored or the usual one.

    ``has_input`` tells an input of ``null`` from none; ``visit`` is the path of one of several visits, ``names`` are
    what is known inside a loop (``item``, ``index``).
    """

    has_input: bool = False
    input: Json = None
    steps: Mapping[str, Json] | None = None
    vars: Mapping[str, Json] | None = None
    names: Mapping[str, Json] | None = None
    visit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRun:
    """What came of it. ``input`` is what the node saw under that name, ``inputs`` what its fields were rendered to.

    ``duration_ms`` is real time; ``due_at`` and ``reason`` belong to a node that waits.
    """

    path: str
    node: str
    kind: NodeKind
    status: NodeStatus
    input: Json
    inputs: Json
    output: Json = None
    ports: Sequence[str] = ()
    assigned: Mapping[str, Json] | None = None
    error: Failure | None = None
    log: Sequence[str] = ()
    note: Note | None = None
    due_at: datetime | None = None
    reason: str | None = None
    answered_by: AnsweredBy | None = None
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Bench:
    """A node with the state it runs in, and the tools that carry it out."""

    claimed: Claimed
    graph: Graph
    tools: Tools
    state: State
    visit: Visit

    async def run(self, effects: Effects, *, answered_by: AnsweredBy | None = None) -> NodeRun:
        """Make one attempt; what goes wrong is in the answer. With ``none`` a call is prepared and not made."""
        began, now = time.monotonic(), self.tools.clock.now()
        attempts = Attempts(self.claimed, self.graph, self.tools)
        is_call = self.visit.node.kind not in PURE and self.visit.node.bypass is None
        if not is_call:
            outcome: Outcome | None = attempts.run_pure(self.state, self.visit, now)
        else:
            ready = attempts.prepare(self.state, self.visit, now)
            if isinstance(ready, Outcome):
                outcome = ready
            elif effects is Effects.NONE and self.visit.node.kind is not NodeKind.CODE:
                outcome = None
            else:
                outcome = await attempts.perform(*ready)
        took = (time.monotonic() - began) * 1000
        return self._told(outcome, took, answered_by=answered_by)

    def _told(self, outcome: Outcome | None, took: float, *, answered_by: AnsweredBy | None) -> NodeRun:
        seen, inputs, problem = self._rendered()
        if outcome is not None and isinstance(outcome, Suspended) and outcome.reason == UNANSWERED:
            outcome = None
        succeeded = outcome if isinstance(outcome, Succeeded) else None
        passes = succeeded is not None and self.visit.node.passes_input
        failure = outcome.failure if isinstance(outcome, Failed | Unknown) else None
        return NodeRun(
            path=self.visit.path,
            node=self.visit.node.place,
            kind=self.visit.node.kind,
            status=_status(outcome),
            input=seen,
            inputs=inputs,
            output=None if succeeded is None else seen if passes else succeeded.output,
            ports=() if succeeded is None else succeeded.ports,
            assigned=None if succeeded is None else succeeded.assigned,
            error=failure or (problem if outcome is None else None),
            log=outcome.log if isinstance(outcome, Succeeded | Failed) else (),
            note=None if succeeded is None else succeeded.note,
            due_at=outcome.due_at if isinstance(outcome, Suspended) else None,
            reason=outcome.reason if isinstance(outcome, Suspended) else None,
            answered_by=answered_by,
            duration_ms=round(took, 3),
        )

    def _rendered(self) -> tuple[Json, Json, Failure | None]:
        """What the node saw as ``input`` and what its fields say; what cannot be rendered is ``None``."""
        try:
            attempt = Attempts(self.claimed, self.graph, self.tools).attempt(
                self.state, self.visit, self.tools.clock.now()
            )
        except PatchbayError:
            return self.state.input_of(self.visit), None, None
        try:
            return attempt.input, rendered_inputs(attempt), None
        except PatchbayError as exc:
            outcome = failed(exc, step=self.visit.path)
            return attempt.input, None, outcome.failure


def bench_of(
    graph: Graph, placed: Placed, *, claimed: Claimed, scene: Scene, tools: Tools, stored: State | None
) -> Bench:
    """Set a node up: in the state of a stored execution if there is one, changed by what the caller gives.

    An input that nobody gives is what would arrive: the output of the one node before it, the outputs by node where
    there are several, or what its flow begins with.

    Raises:
        InvalidRequest: A variable or a step is named that the version does not have, or the node holds others.
        ExpressionError: The trigger's ``map`` fails.
    """
    node, known = placed.node, _names_around(graph, placed)
    if node.bodies:
        raise InvalidRequest(f'"{node.place}" holds other nodes and cannot run alone; try the whole definition')
    path = scene.visit or node.place
    state = begin(graph, claimed.trigger_key, Attempts(claimed, graph, tools).data)
    visit = None if stored is None else stored.pending.get(path)
    around = state.root if stored is None else frame_at(stored, path)
    if stored is not None:
        state.variables.update({name: value for name, value in stored.variables.items() if name in graph.variables})
    _require_known(scene.steps, known, what="node")
    _require_known(scene.vars, graph.variables, what="variable")
    state.variables.update(scene.vars or {})
    frame = Frame(
        flow=placed.flow,
        prefix="",
        data=state.root.data if stored is None else around.data,
        names={**around.names, **(scene.names or {})},
        outputs={**{key: value for key, value in around.outputs.items() if key in known}, **(scene.steps or {})},
    )
    arrived = scene.input if scene.has_input else _arriving(frame, node, visit)
    token = Token(live=True, source="", output=arrived)
    return Bench(claimed, graph, tools, state, Visit(path=path, node=node, frame=frame, arrivals=(token,)))


def _names_around(graph: Graph, placed: Placed) -> Mapping[str, CompiledNode]:
    """The nodes whose outputs ``steps`` may show: those of the node's flow, and of the flows around it."""
    place = placed.node.place
    inner = {each.node.place.rpartition(".")[2]: each.node for each in nodes_by_place(graph).values()}
    return {**graph.nodes, **(inner if "." in place else {})}


def _arriving(frame: Frame, node: CompiledNode, visit: Visit | None) -> Json:
    if visit is not None:
        return frame.data if not visit.arrivals else _joined([(t.source, t.output) for t in visit.arrivals])
    sources = list(dict.fromkeys(frame.flow.edges[index].source for index in node.inbound))
    if not sources:
        return frame.data
    known = [(source, frame.outputs[source]) for source in sources if source in frame.outputs]
    return _joined(known) if known else None


def _joined(arrived: Sequence[tuple[str, Json]]) -> Json:
    return arrived[0][1] if len(arrived) == 1 else dict(arrived)


def _require_known(given: Mapping[str, Json] | None, known: Mapping[str, object], *, what: str) -> None:
    for name in given or {}:
        if name not in known:
            raise InvalidRequest(f'the version has no {what} "{name[:100]}"; it has {", ".join(known) or "none"}')


def _status(outcome: Outcome | None) -> NodeStatus:
    match outcome:
        case None | Opened():
            return NodeStatus.NOT_CALLED
        case Succeeded():
            return NodeStatus.SUCCEEDED
        case Suspended():
            return NodeStatus.WAITING
        case Unknown():
            return NodeStatus.UNKNOWN
        case Failed():
            return NodeStatus.FAILED
