"""How steps are written and read, many at once; the attempts of executions, not a repository of their own."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from db.bulk import Columns, Kind
from db.encoding import (
    decode_failure,
    decode_json,
    decode_ports,
    encode_failure,
    encode_json,
    encode_ports,
    optional_json,
    read_optional_time,
    read_time,
)
from db.large_values import read_large
from db.transaction import Transaction
from engine.model.base import ExecutionId, Json, ProjectId
from engine.model.execution import Note, StepRecord, StepStatus

_COLUMNS = Columns.of(
    execution_id=Kind.ID,
    path=Kind.TEXT,
    attempt=Kind.INT,
    project_id=Kind.ID,
    node=Kind.WORD,
    seq=Kind.INT,
    status=Kind.WORD,
    started_at=Kind.TIME,
    finished_at=Kind.TIME,
    ports=Kind.WORD,
    output=Kind.WORD,
    assigned=Kind.WORD,
    error=Kind.WORD,
    due_at=Kind.TIME,
    wait_reason=Kind.TEXT,
    note=Kind.WORD,
    log=Kind.WORD,
)
_REPLACE = " ON CONFLICT (execution_id, path, attempt) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _COLUMNS.names[4:]
)
_WRITE_POSTGRES = _COLUMNS.insert_arrays("steps") + _REPLACE
_WRITE_SQLITE = _COLUMNS.insert_row("steps") + _REPLACE

SELECT = (
    "SELECT execution_id, path, node, attempt, seq, status, started_at, finished_at, ports, output, assigned, error, "
    "due_at, wait_reason, note, log FROM steps"
)
_READ = SELECT + " WHERE execution_id {} ORDER BY execution_id, seq"
_READ_POSTGRES = _READ.format("= ANY ($1::uuid[])")
_READ_SQLITE = _READ.format("IN (SELECT value FROM json_each(?))")


async def write_steps(
    transaction: Transaction, owned: Iterable[tuple[ExecutionId, ProjectId, Sequence[StepRecord]]]
) -> None:
    """Store steps; one that is stored already under the same path and attempt is replaced."""
    rows = {
        (execution, step.path, step.attempt): _values(transaction, execution, project, step)
        for execution, project, steps in owned
        for step in steps
    }
    if not rows:
        return
    if transaction.postgres:
        await transaction.fetch_columns(_WRITE_POSTGRES, _COLUMNS, list(rows.values()))
    else:
        await transaction.each(_WRITE_SQLITE, _COLUMNS, list(rows.values()))


async def read_steps(
    transaction: Transaction, ids: Sequence[ExecutionId], *, damaged: set[str] | None = None
) -> dict[str, tuple[StepRecord, ...]]:
    """Return the steps of each of these executions that has any, in the order of ``seq``.

    The ids of those of which a large value is missing from the database are put into ``damaged``.
    """
    sql = _READ_POSTGRES if transaction.postgres else _READ_SQLITE
    rows = await transaction.fetch(sql, transaction.texts(ids))
    values = [(read_large(row[9]), read_large(row[10])) for row in rows]
    loaded = await transaction.blobs.load(chain.from_iterable(values))
    found: dict[str, list[StepRecord]] = {}
    for row, (output, assigned) in zip(rows, values, strict=True):
        if damaged is not None and (loaded.lacks(output) or loaded.lacks(assigned)):
            damaged.add(str(row[0]))
        found.setdefault(str(row[0]), []).append(step_of(row, loaded.of(output), loaded.of(assigned)))
    return {execution: tuple(steps) for execution, steps in found.items()}


def _values(transaction: Transaction, execution: ExecutionId, project: ProjectId, step: StepRecord) -> tuple[Any, ...]:
    keep = transaction.blobs.keep
    return (
        execution,
        step.path,
        step.attempt,
        project,
        step.node,
        step.seq,
        step.status.value,
        step.started_at,
        step.finished_at,
        encode_ports(step.ports),
        keep(optional_json(step.output), execution),
        keep(optional_json(step.assigned), execution),
        encode_failure(step.error),
        step.due_at,
        step.wait_reason,
        None if step.note is None else step.note.value,
        encode_json(step.log) if step.log else None,
    )


def step_of(row: Sequence[Any], output: Json, assigned: Any) -> StepRecord:
    """Read a row of ``SELECT``, whose values were loaded."""
    return StepRecord(
        path=row[1],
        node=row[2],
        attempt=row[3],
        seq=row[4],
        status=StepStatus(row[5]),
        started_at=read_time(row[6]),
        finished_at=read_optional_time(row[7]),
        ports=decode_ports(row[8]),
        output=output,
        assigned=assigned,
        error=decode_failure(row[11]),
        due_at=read_optional_time(row[12]),
        wait_reason=row[13],
        note=None if row[14] is None else Note(row[14]),
        log=tuple(decode_json(row[15])) if row[15] is not None else (),
    )
