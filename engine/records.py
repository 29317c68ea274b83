"""The records of attempts: what an outcome, a call about to be made, or the end of a wait looks like in the history.

Pure: what they need of the time and of chance comes in as arguments. ``engine.planner`` folds them.
"""

from datetime import datetime, timedelta

from engine.errors import CircuitOpen
from engine.flow import CompiledNode
from engine.model.base import Json
from engine.model.execution import Failure, StepRecord, StepStatus
from engine.model.node import ERROR, MAIN, OnError
from engine.model.outcome import Failed, Opened, Outcome, Succeeded, Suspended, Unknown
from engine.retry import may_retry, next_delay
from engine.state import State, Visit

PARK_MINIMUM = timedelta(seconds=1)


def settle(
    state: State, visit: Visit, outcome: Outcome, *, started_at: datetime, now: datetime, jitter: float
) -> StepRecord:
    """Return the record of one attempt: succeeded, waiting, to be tried again, or failed for good.

    Of a visit that is opened it is the opening, which counts as attempt 0.

    Args:
        jitter: A random number from 0 up to 1; it spreads retries.
    """
    match outcome:
        case Opened():
            return _opening(state, visit, outcome, started_at=started_at)
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
        node=visit.node.place,
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
        node=visit.node.place,
        attempt=visit.attempt,
        seq=state.seq + 1,
        status=StepStatus.RUNNING,
        started_at=now,
        finished_at=None,
    )


def cancelled(state: State, visit: Visit, *, now: datetime, error: Failure | None = None) -> StepRecord:
    """Return the record of a visit that is given up; a replay of its execution may open it again.

    With an ``error`` the work of the execution ends with it, so that whoever folds the records knows that it did.
    """
    return StepRecord(
        path=visit.path,
        node=visit.node.place,
        attempt=visit.attempt,
        seq=state.seq + 1,
        status=StepStatus.CANCELLED,
        started_at=visit.waiting_since or now,
        finished_at=now,
        error=error,
        due_at=visit.due_at,
        wait_reason=visit.reason,
    )


def _opening(state: State, visit: Visit, outcome: Opened, *, started_at: datetime) -> StepRecord:
    inside = visit.inside
    return StepRecord(
        path=visit.path,
        node=visit.node.place,
        attempt=0,
        seq=inside.seq if inside else state.seq + 1,
        status=StepStatus.RUNNING,
        started_at=visit.waiting_since or started_at,
        finished_at=None,
        output=outcome.opening,
    )


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
