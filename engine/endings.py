"""Which steps end with an execution that somebody else than its executor ends, and which open again when it goes on.

Pure functions over the recorded steps; a database only writes what they say, over what it has of the same path and
attempt. What was open or waiting ends last (``seq``), as if its executor had ended it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from engine.errors import Conflict, OutcomeUnknown
from engine.model.execution import Failure, StepRecord, StepStatus
from engine.model.node import LoopSpec, NodeSpec, OnItemError, ParallelSpec

_UNFINISHED = (StepStatus.WAITING, StepStatus.RETRYING, StepStatus.RUNNING)
_NUMBERS = re.compile(r"\[\d+\]|#\d+")
_BROKEN = (StepStatus.FAILED, StepStatus.UNKNOWN)


def reopened(
    records: Sequence[StepRecord], *, now: datetime, containers: Mapping[str, NodeSpec] = MappingProxyType({})
) -> list[StepRecord]:
    """Return the records to write over those stored, so that a failed execution goes on where it failed.

    A step that failed, or whose outcome is unknown, may make another attempt at once; one that waited waits on. A
    failure that was handled stays: the step left by a port, a step around it settled, or the loop or parallel node
    around it went on without it. ``containers`` are those nodes by place. What ``finally`` did comes again.

    Raises:
        Conflict: The steps that had succeeded were taken back.
    """
    last = _last(records)
    if any(record.node.endswith(".undo") for record in last.values()):
        raise Conflict("what the execution did was taken back by its undos; replay it from start")
    broken = [record for record in last.values() if record.status in _BROKEN and not _is_handled(record, last)]
    borne = [record for record in broken if _is_borne(record, last, containers)]
    given_up = tuple(record.path.rpartition(".")[0] + "." for record in borne)
    opened = []
    for record in last.values():
        if record.node.startswith("finally."):
            opened.append(replace(record, status=StepStatus.SKIPPED))
        elif record.status is StepStatus.CANCELLED and not _is_over(record, last, given_up):
            opened.append(
                replace(record, status=StepStatus.WAITING, finished_at=None, error=None, due_at=record.due_at or now)
            )
        elif record in broken and record not in borne:
            opened.append(replace(record, status=StepStatus.RETRYING, due_at=now))
    return opened


def _is_borne(record: StepRecord, last: Mapping[str, StepRecord], containers: Mapping[str, NodeSpec]) -> bool:
    """Whether a loop or parallel node around a failed step goes on without its iteration or branch."""
    for path in enclosing(record.path):
        spec = containers.get(_place(path))
        if isinstance(spec, LoopSpec) and spec.on_item_error is not OnItemError.FAIL:
            return True
        if isinstance(spec, ParallelSpec) and (path not in last or last[path].status not in _BROKEN):
            return True
    return False


def _is_over(record: StepRecord, last: Mapping[str, StepRecord], given_up: tuple[str, ...]) -> bool:
    """Whether a cancelled step belongs to something that is over all the same."""
    return record.path.startswith(given_up) or _is_handled(record, last)


def _place(path: str) -> str:
    return _NUMBERS.sub("", path)


def closed(records: Sequence[StepRecord], failure: Failure, *, now: datetime) -> list[StepRecord]:
    """Return the records to write when ``failure`` ends an execution from outside, whatever its executor does.

    A wait ends with its execution; what is inside a step that is open ends with that step. An announced call may have
    happened: its outcome is unknown.
    """
    last = _last(records)
    opened = open_paths(records)
    seq = max((record.seq for record in records), default=0)
    ended = []
    for record in last.values():
        if record.status is StepStatus.RUNNING and record.attempt > 0:
            message = (
                f'the execution ended during the call at "{record.path}" ({failure.code}); look whether it happened'
            )
            unknown = Failure(code=OutcomeUnknown.code, message=message, step=record.path)
            ended.append(replace(record, status=StepStatus.UNKNOWN, finished_at=now, error=unknown))
        elif record.status in _UNFINISHED and opened.isdisjoint(enclosing(record.path)):
            seq += 1
            ended.append(_cancelled(record, seq, now))
    return ended


def open_paths(records: Sequence[StepRecord]) -> set[str]:
    """The paths of steps that hold others and have not ended: opened by a record of attempt 0, and nothing since."""
    last = _last(records).values()
    return {record.path for record in last if record.status is StepStatus.RUNNING and record.attempt == 0}


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


def _is_handled(record: StepRecord, last: Mapping[str, StepRecord]) -> bool:
    if record.ports:
        return True
    around = (last.get(path) for path in enclosing(record.path))
    return any(one is not None and (one.ports or one.status is StepStatus.SUCCEEDED) for one in around)


def _cancelled(record: StepRecord, seq: int, now: datetime) -> StepRecord:
    """How an unfinished attempt ends, or the one that a retrying or open step would have made next."""
    waits = record.status is StepStatus.WAITING
    return StepRecord(
        path=record.path,
        node=record.node,
        attempt=record.attempt if waits else record.attempt + 1,
        seq=seq,
        status=StepStatus.CANCELLED,
        started_at=record.started_at if waits else now,
        finished_at=now,
        due_at=record.due_at,
        wait_reason=record.wait_reason,
    )
