"""What a person sees of an execution that stands: its steps, its variables, and what runs next with which input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from engine.attempts import Attempts, Tools
from engine.edits import frame_at
from engine.errors import PatchbayError
from engine.graph import Graph
from engine.history import history
from engine.model.base import ExecutorId, Json
from engine.model.debugging import BREAKPOINT, DebugPlan, When, marked_path
from engine.model.execution import Claimed, Execution, Failure, Note, StepRecord
from engine.model.node import NodeKind
from engine.nodes.base import failed
from engine.planner import apply, begin, reach
from engine.ports import Clock
from engine.state import Frame, Stage, State, Visit
from engine.trials.answers import rendered_inputs
from engine.trials.virtual import MemoryRecords

NOBODY: Final = ExecutorId("debugger")
MOST_AHEAD: Final = 50
MOST_RECORDS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A visit that has not ended. ``input`` is what it would see under that name, ``inputs`` what its fields render to.

    ``error`` says why they cannot be rendered; the visit would fail with it. ``waits`` is set for one that has begun,
    and waits or runs what is inside it.
    """

    path: str
    node: str
    kind: NodeKind
    input: Json
    inputs: Json
    error: Failure | None
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where an execution stands: before or after a visit."""

    when: When
    path: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An execution as a debugger shows it. ``position`` is ``None`` unless it stands at a breakpoint.

    ``steps`` are the outputs by node, ``variables`` the values and ``names`` what is known besides (such as ``item`` in
    a loop), all as the node sees them that it stands at.
    """

    execution: Execution
    plan: DebugPlan
    position: Position | None
    ahead: Sequence[Ahead]
    trigger: Json
    steps: Mapping[str, Json]
    variables: Mapping[str, Json]
    names: Mapping[str, Json]
    records: Sequence[StepRecord]


def look(execution: Execution, plan: DebugPlan, *, claimed: Claimed, graph: Graph, clock: Clock) -> Look:
    """Fold what is recorded, and render what would run next.

    Raises:
        ExpressionError: The trigger's ``map`` fails.
        ValueError: The records do not follow from the version.
    """
    attempts = Attempts(claimed, graph, tools_of(clock))
    position = position_of(execution, claimed.steps)
    state = folded(graph, claimed, attempts.data, position)
    told = history(graph, claimed.trigger_key, attempts.data, claimed.steps)
    frame = standing_in(state, position)
    first = None if position is None else state.pending.get(position.path)
    others = (visit for visit in state.pending.values() if visit is not first)
    ahead = [*([first] if first is not None else []), *islice(others, MOST_AHEAD)]
    return Look(
        execution=execution,
        plan=plan,
        position=position,
        ahead=[_ahead(attempts, state, visit, clock) for visit in ahead],
        trigger=attempts.seen(state, frame, None)["trigger"],
        steps=frame.outputs,
        variables=state.variables,
        names=frame.names,
        records=_shown(told.steps),
    )


def _shown(records: Sequence[StepRecord]) -> Sequence[StepRecord]:
    """The last records, and all marks before them."""
    earlier = [record for record in records[:-MOST_RECORDS] if record.is_mark]
    return (*earlier, *records[-MOST_RECORDS:])


def tools_of(clock: Clock) -> Tools:
    """The tools of somebody who only looks."""
    return Tools(
        owner=NOBODY,
        effects={},
        recorder=MemoryRecords(),
        clock=clock,
        jitter=lambda: 0.0,
        is_alive=lambda: True,
    )


def folded(graph: Graph, claimed: Claimed, data: Json, position: "Position | None") -> State:
    """The state after all that is recorded, in the phase that the execution stands in. Raises ValueError."""
    state = begin(graph, claimed.trigger_key, data)
    for record in claimed.steps:
        apply(state, record)
    if position is not None:
        reach(state, position.node, position.path)
    return state


def standing_in(state: State, position: "Position | None") -> Frame:
    """The frame whose names are seen where the execution stands."""
    return state.root if position is None else frame_at(state, position.path)


def position_of(execution: Execution, records: Sequence[StepRecord]) -> Position | None:
    """Where it stands, by its last stop; ``None`` if it does not stand at a breakpoint."""
    stops = [record for record in records if record.note is Note.STOPPED]
    if execution.wait_reason != BREAKPOINT or not stops:
        return None
    last = max(stops, key=lambda record: record.seq)
    return Position(when=When(last.wait_reason or ""), path=marked_path(last.path), node=last.node)


def _ahead(attempts: Attempts, state: State, visit: Visit, clock: Clock) -> Ahead:
    given: Json = state.input_of(visit)
    inputs: Json = None
    error: Failure | None = None
    try:
        attempt = attempts.attempt(state, visit, clock.now())
        given = attempt.input
        inputs = rendered_inputs(attempt)
    except PatchbayError as exc:
        error = failed(exc, step=visit.path).failure
    return Ahead(
        path=visit.path,
        node=visit.node.place,
        kind=visit.node.kind,
        input=given,
        inputs=inputs,
        error=error,
        waits=visit.stage in (Stage.WAITING, Stage.OPEN),
    )
