"""Steps of an execution, and how far the loops and parallel nodes among them are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.history import Parts
from engine.model.execution import Note, StepRecord, StepStatus


class PartsView(Struct, frozen=True, kw_only=True):
    """The iterations of a loop, or the branches of a parallel node.

    ``total`` is `null` where nobody knows it before the end (`while`). ``done`` counts those that are over, however
    they ended, ``failed`` those of them that failed. In a long history, those are done that have no step that waits.
    ``first`` is the number of the first iteration, which is not 0 in an execution that runs a part of a spread loop; of
    a spread loop itself nothing is begun here.
    """

    total: int | None
    begun: int
    done: int
    failed: int
    first: int


class StepView(Struct, frozen=True, kw_only=True):
    """One attempt at one visit of a node, in the order of ``seq``.

    ``ports`` are the outlets taken; ``due_at`` is when a waiting one goes on.

    Attempt 0 is a loop or parallel node that is open; ``inside`` says how far it is, or what became of it. ``note``
    says why the node did not run: it is disabled or pinned, or its result was cached; a `stopped` or `edited` one is no
    attempt but a mark of a debugger, at the step that its path begins with. ``log`` is what its code wrote to the
    console.
    """

    path: str
    node: str
    attempt: int
    seq: int
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
    inside: PartsView | None


class StepPage(Struct, frozen=True, kw_only=True):
    """Steps in the order of their paths; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[StepView]
    next: str | None


def step_view(record: StepRecord, parts: Mapping[str, Parts] | None = None) -> StepView:
    inside = (parts or {}).get(record.path)
    return StepView(
        path=record.path,
        node=record.node,
        attempt=record.attempt,
        seq=record.seq,
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
        inside=None if inside is None else parts_view(inside),
    )


def parts_view(parts: Parts) -> PartsView:
    return PartsView(total=parts.total, begun=parts.begun, done=parts.done, failed=parts.failed, first=parts.first)
