"""Executions with their steps, their progress and their log."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.history import History
from engine.model.execution import Execution, Note, Status, StepRecord, StepStatus
from engine.model.workflow import Lane
from gateway.views.events import EventDetail

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


class StepView(Struct, frozen=True, kw_only=True):
    """One attempt at one visit of a node. ``ports`` are the outlets taken; ``due_at`` is when a waiting one goes on.

    ``note`` says why the node did not run: it is disabled or pinned, or its result was cached; a `stopped` or `edited`
    one is no attempt but a mark of a debugger, at the step that its path begins with. ``log`` is what its
    code wrote to the console.
    """

    path: str
    node: str
    attempt: int
    status: StepStatus
    started_at: datetime
    finished_at: datetime | None
    due_at: datetime | None
    wait_reason: str | None
    note: Note | None
    log: list[str]
    ports: list[str]
    output: Any
    assigned: dict[str, Any] | None
    error: dict[str, Any] | None


class Progress(Struct, frozen=True, kw_only=True):
    """How far an execution is, by nodes; ``percent`` counts those that are done or skipped, and is 100 at the end."""

    percent: int
    done: list[str]
    under_way: list[str]
    skipped: list[str]
    ahead: list[str]


class ExecutionDetail(ExecutionView, frozen=True, kw_only=True):
    """An execution with its event, its steps in their order, and its progress."""

    event: EventDetail | None
    version: int
    steps: list[StepView]
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


def step_view(record: StepRecord) -> StepView:
    return StepView(
        path=record.path,
        node=record.node,
        attempt=record.attempt,
        status=record.status,
        started_at=record.started_at,
        finished_at=record.finished_at,
        due_at=record.due_at,
        wait_reason=record.wait_reason,
        note=record.note,
        log=list(record.log),
        ports=list(record.ports),
        output=record.output,
        assigned=dict(record.assigned) if record.assigned is not None else None,
        error=record.error.as_json() if record.error is not None else None,
    )


def progress_of(history: History, status: Status) -> Progress:
    """Sort the nodes by where they stand. A node in a cycle counts once, by its last visit."""
    last = {record.node: record for record in history.steps if not record.is_mark}
    under_way = _keys(last.values(), unfinished=True)
    done = _keys(last.values(), unfinished=False)
    total = len(last) + len(history.skipped) + len(history.ahead)
    share = (len(done) + len(history.skipped)) * 100 // total if total else 0
    return Progress(
        percent=100 if status.is_final else min(share, 99),
        done=done,
        under_way=under_way,
        skipped=list(history.skipped),
        ahead=list(history.ahead),
    )


def _keys(records: Iterable[StepRecord], *, unfinished: bool) -> list[str]:
    return [record.node for record in records if (record.status in UNFINISHED) is unfinished]
