"""Decides every state change of an execution: (state, outcome) -> record, (state, record) -> state, ready visits.

Rules of this file: it does no I/O and knows no clock, no database and no randomness; what it needs of those comes in
as arguments. ``apply`` changes the state in place, because an execution of n steps must not copy n states; it is
still a fold: applying the recorded steps in order to ``begin`` gives the same state again, whoever does it.
"""

from collections import deque
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from engine.errors import CircuitOpen
from engine.graph import CompiledNode, Graph
from engine.model.base import Json
from engine.model.execution import Status, StepRecord, StepStatus
from engine.model.node import ERROR, MAIN, NodeKind, OnError
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended, Unknown
from engine.model.workflow import Merge, Variable
from engine.retry import may_retry, next_delay
from engine.state import DEAD, Ending, Stage, State, Token, Visit
from engine.tokens import resolve_stalled, send, skip, start_visit

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

PARK_MINIMUM = timedelta(seconds=1)


def begin(graph: Graph, trigger_key: str, data: Json) -> State:
    """Return the state of an execution that has not run yet, its start nodes ready."""
    state = State(graph=graph, data=data, variables=graph.initial_variables(), queues=[deque() for _ in graph.edges])
    starts = graph.starts_for(trigger_key)
    state.absorbing = {key for key in starts if graph.nodes[key].inbound}
    for key in starts:
        start_visit(state, graph.nodes[key], ())
    dead_starts = [key for key in graph.default_starts if key not in starts]
    for key in dead_starts:
        skip(state, graph.nodes[key])
    resolve_stalled(state)
    return state


def settle(
    state: State, visit: Visit, outcome: Outcome, *, started_at: datetime, now: datetime, jitter: float
) -> StepRecord:
    """Return the record of one attempt: succeeded, waiting, to be tried again, or failed for good.

    Args:
        jitter: A random number from 0 up to 1; it spreads retries.
    """
    match outcome:
        case Succeeded():
            status, due_at = StepStatus.SUCCEEDED, None
        case Suspended():
            status, due_at = StepStatus.WAITING, outcome.due_at
        case Unknown():
            status, due_at = StepStatus.UNKNOWN, None
        case Failed():
            status, due_at = _after_failure(visit, outcome, now=now, jitter=jitter)
    failure = outcome.failure if isinstance(outcome, Failed | Unknown) else None
    ports, output = _leaves_by(visit.node, outcome, status)
    return StepRecord(
        path=visit.path,
        node=visit.node.key,
        attempt=visit.attempt,
        seq=state.seq + 1,
        status=status,
        started_at=visit.waiting_since or started_at,
        finished_at=None if status is StepStatus.WAITING else now,
        ports=ports,
        output=None if visit.node.passes_input and failure is None else output,
        assigned=outcome.assigned if isinstance(outcome, Succeeded) else None,
        error=failure,
        due_at=due_at,
        wait_reason=_wait_reason(outcome, status),
        note=outcome.note if isinstance(outcome, Succeeded) else None,
        log=outcome.log if isinstance(outcome, Succeeded | Failed) else (),
    )


def intend(state: State, visit: Visit, *, now: datetime) -> StepRecord:
    """Return the record to commit before an unrepeatable call, so that its owner's death leaves a trace."""
    return StepRecord(
        path=visit.path,
        node=visit.node.key,
        attempt=visit.attempt,
        seq=state.seq + 1,
        status=StepStatus.RUNNING,
        started_at=now,
        finished_at=None,
    )


def apply(state: State, record: StepRecord) -> None:
    """Change the state by one record; visits that may run now are in ``state.ready``.

    Raises:
        ValueError: The record does not follow from the state, so it belongs to another version or execution.
    """
    visit = state.pending.get(record.path)
    if visit is None:
        raise ValueError(f'the recorded step "{record.path}" does not follow from the steps before it')
    state.seq = max(state.seq, record.seq)
    visit.attempt = record.attempt
    match record.status:
        case StepStatus.WAITING | StepStatus.RETRYING:
            _wait(state, visit, record)
        case StepStatus.RUNNING:
            visit.intended = True
        case StepStatus.SUCCEEDED:
            output = state.input_of(visit) if visit.node.passes_input else record.output
            _finish(state, visit, record, output)
        case StepStatus.FAILED | StepStatus.UNKNOWN if record.ports:
            _finish(state, visit, record, record.output)
        case _:
            _leave(state, visit)
            if record.status is not StepStatus.CANCELLED and state.ending is None:
                state.ending = Ending(Status.FAILED, error=record.error)
    resolve_stalled(state)


def wake(state: State, now: datetime) -> None:
    """Make the waiting visits that are due ready again."""
    for visit in state.pending.values():
        if visit.stage is Stage.WAITING and visit.due_at is not None and visit.due_at <= now:
            visit.stage = Stage.READY
            state.ready.append(visit)


def resume(state: State, paths: Collection[str]) -> None:
    """Make the waiting visits ready that something has come for; their handlers say whether it is enough."""
    for path in paths:
        visit = state.pending.get(path)
        if visit is not None and visit.stage is Stage.WAITING:
            visit.stage = Stage.READY
            state.ready.append(visit)


def next_due(state: State) -> datetime | None:
    """When the first waiting visit is due; ``None`` if none waits."""
    dues = [v.due_at for v in state.pending.values() if v.stage is Stage.WAITING and v.due_at is not None]
    return min(dues, default=None)


def result(state: State) -> Json:
    """The output of an execution whose paths have all ended: of its last node, or by node if there are several."""
    ends = state.ends
    if len(ends) == 1:
        return next(iter(ends.values()))
    return dict(ends) if ends else None


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


def _after_failure(
    visit: Visit, outcome: Failed, *, now: datetime, jitter: float
) -> tuple[StepStatus, datetime | None]:
    if outcome.failure.code == CircuitOpen.code:
        return StepStatus.WAITING, now + max(outcome.retry_after or PARK_MINIMUM, PARK_MINIMUM)
    policy = visit.node.node.retry
    if not may_retry(policy, attempt=visit.attempt, category=outcome.failure.category):
        return StepStatus.FAILED, None
    delay = next_delay(policy, attempt=visit.attempt, retry_after=outcome.retry_after, jitter=jitter)
    return StepStatus.RETRYING, now + delay


def _leaves_by(node: CompiledNode, outcome: Outcome, status: StepStatus) -> tuple[tuple[str, ...], Json]:
    if isinstance(outcome, Succeeded):
        return outcome.ports, outcome.output
    if not isinstance(outcome, Failed | Unknown) or status not in (StepStatus.FAILED, StepStatus.UNKNOWN):
        return (), None
    shown = {"error": outcome.failure.as_json()}
    match node.node.on_error:
        case OnError.CONTINUE:
            return (MAIN,), shown
        case OnError.ROUTE:
            return (ERROR,), shown
        case OnError.FAIL:
            return (), None


def _wait_reason(outcome: Outcome, status: StepStatus) -> str | None:
    if isinstance(outcome, Suspended):
        return outcome.reason
    if status is StepStatus.RETRYING:
        return "retry"
    return "breaker" if status is StepStatus.WAITING else None


def _wait(state: State, visit: Visit, record: StepRecord) -> None:
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
    del state.pending[visit.path]
    if visit in state.ready:
        state.ready.remove(visit)


def _finish(state: State, visit: Visit, record: StepRecord, output: Json) -> None:
    _leave(state, visit)
    node = visit.node
    state.outputs[node.key] = output
    for name, value in (record.assigned or {}).items():
        state.variables[name] = combine(state.graph.variables[name], state.variables[name], value)
    if node.kind is NodeKind.STOP:
        state.ending = state.ending or Ending(Status.SUCCEEDED, output=output)
        return
    edges = state.graph.edges
    live = Token(live=True, source=node.key, output=output)
    tokens = [(index, live if edges[index].port in record.ports else DEAD) for index in node.outbound]
    leads_on = any(token.live for _, token in tokens)
    if not leads_on and node.kind not in (NodeKind.CONDITION, NodeKind.SWITCH):
        state.ends[visit.path] = output
    send(state, tokens)
