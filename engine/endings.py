"""Which steps end with an execution that somebody else than its executor ends, and which open again when it goes on.

Pure functions over the recorded steps; a database only writes what they say. A record written over another of the same
path and attempt keeps its place (``seq``), so that folding the records still gives a state that can be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from engine.errors import OutcomeUnknown
from engine.model.execution import Failure, StepRecord, StepStatus

_BROKEN = (StepStatus.FAILED, StepStatus.UNKNOWN)


def reopened(records: Sequence[StepRecord], *, now: datetime) -> list[StepRecord]:
    """Return the records to write over those stored, so that a failed execution goes on where it failed.

    A step that failed, or whose outcome is unknown, may make another attempt at once; one that waited waits on. A
    failure that was handled stays: the step left by a port, or a step around it settled.
    """
    last = _last(records)
    opened = []
    for record in last.values():
        if record.status is StepStatus.CANCELLED:
            opened.append(
                replace(record, status=StepStatus.WAITING, finished_at=None, error=None, due_at=record.due_at or now)
            )
        elif record.status in _BROKEN and not _is_handled(record, last):
            opened.append(replace(record, status=StepStatus.RETRYING, due_at=now))
    return opened


def closed(records: Sequence[StepRecord], failure: Failure, *, now: datetime) -> list[StepRecord]:
    """Return the records to write when ``failure`` ends an execution from outside, whatever its executor does.

    A wait ends with its execution. An announced call may have happened: its outcome is unknown.
    """
    seq = max((record.seq for record in records), default=0)
    ended = []
    for record in _last(records).values():
        if record.status is StepStatus.WAITING:
            ended.append(replace(record, status=StepStatus.CANCELLED, finished_at=now))
        elif record.status is StepStatus.RETRYING:
            seq += 1
            ended.append(_next_attempt(record, seq, now))
        elif record.status is StepStatus.RUNNING:
            message = (
                f'the execution ended during the call at "{record.path}" ({failure.code}); look whether it happened'
            )
            unknown = Failure(code=OutcomeUnknown.code, message=message, step=record.path)
            ended.append(replace(record, status=StepStatus.UNKNOWN, finished_at=now, error=unknown))
    return ended


def enclosing(path: str) -> Iterator[str]:
    """Yield the paths of the steps around a step, the innermost first: of ``orders[3].charge`` it is ``orders``."""
    while "." in path:
        path = path.rpartition(".")[0]
        if path.endswith("]"):
            path = path.rpartition("[")[0]
        yield path


def _last(records: Sequence[StepRecord]) -> dict[str, StepRecord]:
    """The last attempt at each visit, in the order of the records."""
    return {record.path: record for record in sorted(records, key=lambda record: record.seq)}


def _is_handled(record: StepRecord, last: dict[str, StepRecord]) -> bool:
    if record.ports:
        return True
    around = (last.get(path) for path in enclosing(record.path))
    return any(one is not None and (one.ports or one.status is StepStatus.SUCCEEDED) for one in around)


def _next_attempt(record: StepRecord, seq: int, now: datetime) -> StepRecord:
    """The attempt that a retrying step was waiting for, and that is not made."""
    return StepRecord(
        path=record.path,
        node=record.node,
        attempt=record.attempt + 1,
        seq=seq,
        status=StepStatus.CANCELLED,
        started_at=now,
        finished_at=now,
        due_at=record.due_at,
        wait_reason=record.wait_reason,
    )
