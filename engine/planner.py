"""Decides every state change of an execution: (state, outcome) -> record, (state, record) -> state, ready visits.

Rules of this file: it does no I/O and knows no clock, no database and no randomness; what it needs of those comes in
as arguments. ``apply`` changes the state in place, because an execution of n steps must not copy n states; it is
still a fold: applying the recorded steps in order to ``begin`` gives the same state again, whoever does it.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from engine.bodies import begin_frame, close_frame, fail_frame, leave_inside, open_visit, settle_frame
from engine.closing import conclude, note_undoable, undo_failed
from engine.edits import edit
from engine.errors import StepTimeout
from engine.graph import Graph
from engine.model.base import Json
from engine.model.debugging import marked_path
from engine.model.execution import Failure, Note, Status, StepRecord, StepStatus
from engine.model.node import NodeKind
from engine.model.workflow import Merge, Variable
from engine.state import DEAD, Closing, Ending, Frame, Phase, Stage, State, Token, Visit
from engine.tokens import end_visit, send, skip

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.PAUSED, Status.FAILED, Status.CANCELLED}),
    Status.RUNNING: frozenset(
        {Status.QUEUED, Status.WAITING, Status.PAUSED, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}
    ),
    Status.WAITING: frozenset({Status.QUEUED, Status.PAUSED, Status.FAILED, Status.CANCELLED}),
    Status.PAUSED: frozenset({Status.QUEUED, Status.WAITING, Status.FAILED, Status.CANCELLED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset({Status.QUEUED}),  # by a person's replay only
    Status.CANCELLED: frozenset(),
}
"""Which status may follow which. Every write compares and sets, so no other change can happen."""

LATEST = datetime.max.replace(tzinfo=UTC)


def begin(graph: Graph, trigger_key: str, data: Json) -> State:
    """Return the state of an execution that has not run yet, its start nodes ready.

    ``data`` is the trigger's; for a part of a loop it is what ``engine.nodes.spread`` gave it.
    """
    state = _first_state(graph, data)
    root = state.root
    starts = graph.starts_for(trigger_key)
    root.absorbing = {key for key in starts if graph.flow.nodes[key].inbound}
    begin_frame(state, root, starts)
    for key in graph.flow.starts:
        if key not in starts:
            skip(state, root, graph.flow.nodes[key])
    settle_frame(state, root)
    return state


def _first_state(graph: Graph, data: Json) -> State:
    if graph.entry is None or not isinstance(data, dict):
        root = Frame(flow=graph.flow, prefix="", data=data, names={}, outputs={})
        return State(graph=graph, root=root, variables=graph.initial_variables())
    root = Frame(flow=graph.flow, prefix="", data=None, names=data["names"], outputs=dict(data["steps"]))
    return State(graph=graph, root=root, variables={**graph.initial_variables(), **data["vars"]})


def apply(state: State, record: StepRecord) -> None:
    """Change the state by one record; visits that may run now are in ``state.ready``.

    Raises:
        ValueError: The record does not follow from the state, so it belongs to another version or execution.
    """
    if record.is_mark:
        state.seq = max(state.seq, record.seq)
        reach(state, record.node, marked_path(record.path))
        if record.note is Note.EDITED:
            edit(state, record)
        return
    if record.status is StepStatus.SKIPPED:  # what a replay left behind
        state.seq = max(state.seq, record.seq)
        return
    visit = find_visit(state, record)
    state.seq = max(state.seq, record.seq)
    if record.attempt == 0:
        _open(state, visit, record)
        return
    visit.attempt = record.attempt
    match record.status:
        case StepStatus.WAITING | StepStatus.RETRYING:
            _wait(state, visit, record)
        case StepStatus.RUNNING:
            visit.intended = visit.stage is not Stage.OPEN
        case StepStatus.SUCCEEDED:
            output = state.input_of(visit) if visit.node.passes_input else record.output
            _finish(state, visit, record, output)
        case StepStatus.FAILED | StepStatus.UNKNOWN if record.ports:
            _finish(state, visit, record, record.output)
        case _:
            _give_up(state, visit, record)
    settle_frame(state, visit.frame)


def find_visit(state: State, record: StepRecord) -> Visit:
    """Return the visit that a record is about; one of a later phase begins that phase.

    Raises:
        ValueError: There is none.
    """
    visit = state.pending.get(record.path)
    while visit is None and is_closing_step(record.node) and conclude(state):
        visit = state.pending.get(record.path)
    if visit is None:
        raise ValueError(f'the recorded step "{record.path}" does not follow from the steps before it')
    return visit


def reach(state: State, place: str, path: str) -> None:
    """Begin the phase that a visit belongs to which an execution stands at, if that is a later one."""
    while is_closing_step(place) and path not in state.pending and conclude(state):
        pass


def is_closing_step(place: str) -> bool:
    """Whether a node runs when the work of an execution is over: one of ``finally``, or an ``undo``."""
    return place.startswith("finally.") or place.endswith(".undo")


def wake(state: State, now: datetime) -> None:
    """Make the waiting visits that are due ready again, and end what is inside open ones whose time is up."""
    for visit in [visit for visit in state.pending.values() if visit.due_at is not None and visit.due_at <= now]:
        if visit.stage is Stage.WAITING:
            visit.stage = Stage.READY
            state.ready.append(visit)
        elif visit.stage is Stage.OPEN and visit.inside is not None and visit.inside.failure is None:
            message = f'"{visit.path}" took longer than its time limit, {visit.node.node.timeout}'
            visit.inside.failure = Failure(
                code=StepTimeout.code, message=message, category=StepTimeout.category, step=visit.path
            )
            for frame in visit.inside.frames.values():
                close_frame(state, frame, Closing.CANCEL)


def resume(state: State, paths: Collection[str]) -> None:
    """Make the waiting visits ready that something has come for; their handlers say whether it is enough."""
    for path in paths:
        visit = state.pending.get(path)
        if visit is not None and visit.stage is Stage.WAITING:
            visit.stage = Stage.READY
            state.ready.append(visit)


def next_due(state: State) -> datetime | None:
    """When the first waiting visit is due, or the time of an open one is up; ``None`` if there is no such time."""
    dues = [v.due_at for v in state.pending.values() if v.due_at and v.stage in (Stage.WAITING, Stage.OPEN)]
    return min(dues, default=None)


def due_reason(state: State) -> str:
    """What the visit waits for that is due first."""
    waiting = [visit for visit in state.pending.values() if visit.stage is Stage.WAITING]
    first = min(waiting, key=lambda visit: visit.due_at or LATEST, default=None)
    return (first.reason if first else None) or ""


def begun(state: State) -> list[Visit]:
    """The visits that are recorded as waiting, tried or open, those included whose time has come since."""
    waits = (Stage.WAITING, Stage.OPEN)
    return [v for v in state.pending.values() if v.stage in waits or v.inside is not None or v.due_at is not None]


def first_idle(state: State, calling: Collection[str]) -> Visit | None:
    """The first visit that nothing is done for at this moment: no call, and nothing inside."""
    idle = (v for v in state.pending.values() if v.path not in calling and not (v.inside and v.inside.frames))
    return next(idle, None)


def result(state: State) -> Json:
    """The output of an execution whose paths have all ended: of its last node, or by node if there are several."""
    return state.root.result()


def combine(variable: Variable, old: Json, new: Json) -> Json:
    """Combine an assignment with a variable's value, by the variable's ``merge``."""
    match variable.merge:
        case Merge.ADD:
            return (old or 0) + (new or 0)
        case Merge.APPEND:
            return [*(old or []), new]
        case Merge.UNION if isinstance(new, dict):
            return {**(old or {}), **new}
        case Merge.UNION:
            return [*(old or []), *(item for item in new or [] if item not in (old or []))]
        case _:
            return new


def _open(state: State, visit: Visit, record: StepRecord) -> None:
    limit = visit.node.node.timeout
    visit.waiting_since = record.started_at
    visit.due_at = None if limit is None else record.started_at + limit
    open_visit(state, visit, record.output, seq=record.seq)


def _wait(state: State, visit: Visit, record: StepRecord) -> None:
    if visit.stage is Stage.OPEN:  # reopened for a replay: what is inside goes on
        return
    visit.stage = Stage.WAITING
    visit.due_at = record.due_at
    visit.reason = record.wait_reason
    visit.intended = False
    visit.waiting_since = record.started_at
    if record.status is StepStatus.RETRYING:
        visit.attempt = record.attempt + 1
        visit.waiting_since = None
    if visit in state.ready:
        state.ready.remove(visit)


def _leave(state: State, visit: Visit) -> None:
    if visit.inside is not None:
        leave_inside(state, visit)
    end_visit(state, visit)


def _give_up(state: State, visit: Visit, record: StepRecord) -> None:
    """A visit came to no result; what that means depends on where it belongs."""
    _leave(state, visit)
    if record.status is StepStatus.CANCELLED:
        if record.error is not None and state.phase is Phase.WORK:  # the execution's time was up
            state.ending = state.ending or Ending(Status.FAILED, error=record.error)
        return
    failure = record.error or Failure(code="step_failed", message=f'"{visit.path}" failed', step=visit.path)
    if visit.frame.owner is not None:
        fail_frame(state, visit.frame, failure)
    elif state.phase is Phase.WORK:
        state.ending = state.ending or Ending(Status.FAILED, error=failure)
    elif state.phase is Phase.UNDO:
        undo_failed(state, failure)
    else:
        close_frame(state, visit.frame, Closing.DRAIN)
        if state.ending is None or state.ending.status is Status.SUCCEEDED:
            state.ending = Ending(Status.FAILED, error=failure)


def _finish(state: State, visit: Visit, record: StepRecord, output: Json) -> None:
    _leave(state, visit)
    node, frame = visit.node, visit.frame
    frame.outputs[node.key] = output
    for name, value in (record.assigned or {}).items():
        state.variables[name] = combine(state.graph.variables[name], state.variables[name], value)
    if node.undo is not None and record.status is StepStatus.SUCCEEDED and record.note is None:
        note_undoable(state, visit, node.undo, output)
    if node.kind is NodeKind.STOP and state.phase is Phase.WORK:
        state.ending = state.ending or Ending(Status.SUCCEEDED, output=output)
        return
    edges = frame.flow.edges
    live = Token(live=True, source=node.key, output=output)
    tokens = [(index, live if edges[index].port in record.ports else DEAD) for index in node.outbound]
    leads_on = any(token.live for _, token in tokens)
    if not leads_on and node.kind not in (NodeKind.CONDITION, NodeKind.SWITCH):
        frame.ends[visit.path.removeprefix(frame.prefix)] = output
    send(state, frame, tokens)
