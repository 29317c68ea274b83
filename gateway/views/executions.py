"""Executions with their steps and their progress."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.history import History, Parts
from engine.model.execution import Execution, Status, StepStatus
from engine.model.workflow import Lane
from gateway.views.events import EventDetail
from gateway.views.steps import StepView

UNFINISHED = (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.RETRYING)


class ExecutionView(Struct, frozen=True, kw_only=True):
    """One run of one version for one event.

    ``parent_path`` is the step of ``parent_id`` that started it, ``depth`` how many parents it has. ``error`` has
    ``code``, ``message``, ``category``, ``step`` and, where a child failed, its ``execution_id``.

    In a list, ``output`` is ``{"$large_value": {"bytes": …}}`` where it is too large to be shown there.
    ``wait_reason`` is ``debounce``, ``batch``, ``concurrency`` or ``throttle`` where it waits before it can begin;
    ``concurrency_key`` is the key whose limit it counts for, ``null`` where there is none.
    ``pause_asked_at`` is when somebody asked to pause it; a running one with it pauses as soon as it can.
    """

    id: str
    workflow_id: str
    version_id: str
    trigger_id: str | None
    trigger_key: str
    event_id: str
    rerun_of: str | None
    parent_id: str | None
    parent_path: str | None
    depth: int
    status: Status
    lane: Lane
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None
    wait_reason: str | None
    concurrency_key: str | None
    pause_asked_at: datetime | None
    output: Any
    error: dict[str, Any] | None


class Progress(Struct, frozen=True, kw_only=True):
    """How far an execution is, by its outermost nodes.

    ``percent`` counts those that are done or skipped, and of an open loop the part that is done; it is 100 at the end.
    """

    percent: int
    done: list[str]
    under_way: list[str]
    skipped: list[str]
    ahead: list[str]


class ExecutionDetail(ExecutionView, frozen=True, kw_only=True):
    """An execution with its event, its steps in their order, and its progress.

    Of a long history only the outermost steps are here; ``more_steps`` says how many others there are, which
    `GET /executions/{execution}/steps` gives in pages.
    """

    event: EventDetail | None
    version: int
    steps: list[StepView]
    more_steps: int
    progress: Progress


class ExecutionPage(Struct, frozen=True, kw_only=True):
    """Executions, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[ExecutionView]
    next: str | None


class ExecutionRef(Struct, frozen=True, kw_only=True):
    """The execution that was started or put back."""

    execution_id: str


def execution_view(execution: Execution) -> ExecutionView:
    return ExecutionView(**shared(execution))


def shared(execution: Execution) -> dict[str, Any]:
    """The fields that all views of an execution have."""
    return {name: getattr(execution, name) for name in ExecutionView.__struct_fields__}


def progress_of(history: History, status: Status) -> Progress:
    """Sort the outermost nodes by where they stand. A node in a cycle counts once, by its last visit."""
    last = {record.node: record for record in history.steps if "." not in record.path and not record.is_mark}
    under_way = [record.node for record in last.values() if record.status in UNFINISHED]
    done = [record.node for record in last.values() if record.status not in UNFINISHED]
    total = len(last) + len(history.skipped) + len(history.ahead)
    share: float = len(done) + len(history.skipped)
    for key in under_way:
        share += _part_done(history.parts.get(last[key].path))
    percent = int(share * 100 / total) if total else 0
    return Progress(
        percent=100 if status.is_final else min(percent, 99),
        done=done,
        under_way=under_way,
        skipped=list(history.skipped),
        ahead=list(history.ahead),
    )


def _part_done(parts: Parts | None) -> float:
    return parts.done / parts.total if parts and parts.total else 0.0
