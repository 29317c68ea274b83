"""What an execution did, as lines to read from top to bottom, derived from its event and its steps."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from engine.model.debugging import marked_path
from engine.model.event import Event
from engine.model.execution import Execution, Note, Status, StepRecord, StepStatus


class Level(StrEnum):
    """How serious a line is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogLine(Struct, frozen=True, kw_only=True):
    """One thing that happened. ``step`` is the path of the step it happened at; ``null`` for the whole execution."""

    at: datetime
    level: Level
    step: str | None
    message: str


class LogLines(Struct, frozen=True, kw_only=True):
    """Lines in the order of time; of ``more_steps`` steps nothing is told, because there are too many."""

    items: list[LogLine]
    more_steps: int = 0


def log_lines(execution: Execution, event: Event | None, steps: Sequence[StepRecord]) -> list[LogLine]:
    """Tell the story of an execution."""
    lines = []
    if event is not None:
        lines.append(_line(event.accepted_at, f'event accepted by the trigger "{execution.trigger_key}"'))
    if execution.rerun_of is not None:
        lines.append(_line(execution.created_at, f"rerun of {execution.rerun_of}"))
    if execution.started_at is not None:
        lines.append(_line(execution.started_at, "execution started"))
    for record in steps:
        lines.extend(_step_lines(record))
    lines.sort(key=lambda line: line.at)  # stable: lines of the same instant keep the order of the records
    lines.extend(_end(execution))
    return lines


def _step_lines(record: StepRecord) -> Iterator[LogLine]:
    if record.is_mark:
        what = f"stopped {record.wait_reason} it" if record.note is Note.STOPPED else "; ".join(record.log)
        yield _line(record.started_at, f"debugger: {what}", step=marked_path(record.path))
        return
    attempt = f", attempt {record.attempt}" if record.attempt > 1 else ""
    yield _line(record.started_at, f"started{attempt}", step=record.path)
    at = record.finished_at or record.started_at
    why = f": {record.error.code}: {record.error.message}" if record.error is not None else ""
    for text in record.log:
        yield _line(at, f"console: {text}", step=record.path)
    match record.status:
        case StepStatus.SUCCEEDED:
            ports = [port for port in record.ports if port != "main"]
            how = f" ({record.note}, did not run)" if record.note is not None else ""
            yield _line(at, f"succeeded{how}{', leaves by ' + ', '.join(ports) if ports else ''}", step=record.path)
        case StepStatus.WAITING:
            until = f" until {_shown(record.due_at)}" if record.due_at is not None else ""
            reason = f" ({record.wait_reason})" if record.wait_reason else ""
            yield _line(at, f"waiting{until}{reason}", step=record.path)
        case StepStatus.RETRYING:
            again = f"; attempt {record.attempt + 1} is due {_shown(record.due_at)}" if record.due_at else ""
            yield _line(at, f"attempt {record.attempt} failed{why}{again}", Level.WARNING, step=record.path)
        case StepStatus.FAILED | StepStatus.UNKNOWN:
            yield _line(at, f"{record.status.value}{why}", Level.ERROR, step=record.path)
        case StepStatus.CANCELLED | StepStatus.SKIPPED:
            yield _line(at, record.status.value, step=record.path)
        case StepStatus.RUNNING:
            pass


def _end(execution: Execution) -> Iterator[LogLine]:
    if execution.finished_at is None:
        return
    error = execution.error or {}
    why = f": {error['code']}: {error['message']}" if "code" in error and "message" in error else ""
    level = Level.ERROR if execution.status is Status.FAILED else Level.INFO
    yield _line(execution.finished_at, f"execution {execution.status.value}{why}", level)


def _line(at: datetime, message: str, level: Level = Level.INFO, *, step: str | None = None) -> LogLine:
    return LogLine(at=at, level=level, step=step, message=message)


def _shown(at: datetime | None) -> str:
    return at.isoformat().replace("+00:00", "Z") if at is not None else ""
