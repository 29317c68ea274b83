"""What people may change while an execution stands: checked, and turned into the marks that are folded like steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.debugging.looking import Position, standing_in
from engine.errors import InvalidRequest
from engine.graph import Graph
from engine.model.base import Json
from engine.model.debugging import When, mark_path
from engine.model.execution import Note, StepRecord, StepStatus
from engine.state import Frame, State
from engine.variables import why_unfit


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What a person changes.

    ``input`` (if ``has_input``) is for the visit ``at``, by default the one that runs next; ``variables`` are values by
    name, ``steps`` outputs by the names that they have where it stands.
    """

    has_input: bool = False
    input: Json = None
    at: str = ""
    variables: Mapping[str, Json] = field(default_factory=dict)
    steps: Mapping[str, Json] = field(default_factory=dict)


def marks_of(
    edits: Edits, *, graph: Graph, state: State, position: Position | None, actor: str, now: datetime
) -> Sequence[StepRecord]:
    """Return the marks to record, one for each change.

    Raises:
        InvalidRequest: Nothing is changed, or something that is not there.
    """
    marks: list[StepRecord] = []

    def mark(target: str, place: str, output: Json, *, assigned: Mapping[str, Json] | None = None, what: str) -> None:
        seq = state.seq + len(marks) + 1
        record = _mark(mark_path(target, seq), place, output, seq=seq, now=now)
        marks.append(replace(record, assigned=assigned, log=(f"{what} edited by {actor}",)))

    if edits.has_input:
        path = edits.at or _next(state, position)
        if path not in state.pending:
            raise InvalidRequest(f'"{path[:100]}" is not about to run; {_what(state)}')
        mark(path, state.pending[path].node.place, edits.input, what="input")
    for name, output in edits.steps.items():
        mark(*_finished(state, name, position), output, what="output")
    if edits.variables:
        _check(edits.variables, graph)
        where = _anywhere(graph, state, position)
        names = ", ".join(edits.variables)
        mark(where, where, None, assigned=dict(edits.variables), what=f"variables {names}")
    if not marks:
        raise InvalidRequest("nothing is edited; give an input, vars or steps")
    return marks


def _mark(path: str, place: str, output: Json, *, seq: int, now: datetime) -> StepRecord:
    return StepRecord(
        path=path,
        node=place,
        attempt=1,
        seq=seq,
        status=StepStatus.SUCCEEDED,
        started_at=now,
        finished_at=now,
        output=output,
        note=Note.EDITED,
    )


def _finished(state: State, name: str, position: Position | None) -> tuple[str, str]:
    """Where the output stands that ``steps`` shows under a name, as a path and the place of its node."""
    frame: Frame | None = standing_in(state, position)
    known = ", ".join(frame.outputs) if frame is not None else ""
    while frame is not None:
        if name in frame.flow.nodes and name in frame.outputs:
            return f"{frame.prefix}{name}", frame.flow.nodes[name].place
        frame = frame.owner.frame if frame.owner is not None else None
    raise InvalidRequest(f'"{name[:100]}" has no output that could be edited; these have: {known[:500] or "none"}')


def _next(state: State, position: Position | None) -> str:
    if position is not None and position.when is When.BEFORE:
        return position.path
    return next((visit.path for visit in state.ready), "")


def _what(state: State) -> str:
    ahead = ", ".join(state.pending)
    return f"about to run or under way: {ahead[:500]}" if ahead else "nothing is"


def _anywhere(graph: Graph, state: State, position: Position | None) -> str:
    """A node to record a change of variables at; every record has one."""
    if position is not None:
        return position.node
    return next((visit.node.place for visit in state.pending.values()), next(iter(graph.nodes)))


def _check(values: Mapping[str, Json], graph: Graph) -> None:
    for name, value in values.items():
        variable = graph.variables.get(name)
        if variable is None:
            known = ", ".join(graph.variables) or "none"
            raise InvalidRequest(f'there is no variable "{name[:100]}"; declared: {known[:500]}')
        problem = why_unfit(name, variable, value)
        if problem:
            raise InvalidRequest(problem)
