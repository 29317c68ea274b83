"""Writing what executors found out, under the fence of owner and epoch."""

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

from db.bulk import Columns, Kind
from db.encoding import encode_failure, encode_response, optional_json
from db.repositories.dead_letters import write_letters
from db.repositories.results import write_results
from db.repositories.steps import write_steps
from db.repositories.watching import Ended, tell_watchers
from db.transaction import Transaction
from engine.model.base import EventId, ExecutionId, ExecutorId, ProjectId
from engine.model.execution import ExecutionRecord, Status
from engine.model.workflow import Lane

_Fence = tuple[str, str, int]

_COLUMNS = Columns.of(
    id=Kind.ID,
    owner=Kind.TEXT,
    epoch=Kind.INT,
    status=Kind.WORD,
    due_at=Kind.TIME,
    wait_reason=Kind.TEXT,
    finished_at=Kind.TIME,
    output=Kind.WORD,
    error=Kind.WORD,
    response=Kind.WORD,
    deadline_at=Kind.TIME,
)
# What a person asked for meanwhile decides how an execution rests: waiting or paused. At a breakpoint it is paused.
_RESTS = """CASE
        WHEN {given} = 'waiting' AND {row}pause_asked_at IS NOT NULL THEN 'paused'
        WHEN {given} = 'paused' AND {row}pause_asked_at IS NULL AND coalesce({reason}, '') <> 'breakpoint'
            THEN CASE WHEN {reason} IS NULL THEN 'queued' ELSE 'waiting' END
        ELSE {given} END"""
# No join: PostgreSQL plans one with a partitioned table for each of its partitions, and only `= ANY` of known ids lets
# it leave out the others before. So each row looks its values up in the arrays, at the place of its id among the ids,
# which are sorted. About `status || ''`, see claiming.py: the partial index on running rows must not be used either.
_NEW = {name: _COLUMNS.element(name, "width_bucket(e.id, $1::uuid[])") for name in _COLUMNS.names}
_RECORD_POSTGRES = f"""
    UPDATE executions AS e
    SET status = {_RESTS.format(given=_NEW["status"], row="e.", reason=_NEW["wait_reason"])},
        owner = CASE WHEN {_NEW["status"]} = 'running' THEN e.owner END, due_at = {_NEW["due_at"]},
        wait_reason = {_NEW["wait_reason"]}, finished_at = {_NEW["finished_at"]}, output = {_NEW["output"]},
        error = {_NEW["error"]}, response = coalesce({_NEW["response"]}, e.response),
        deadline_at = coalesce({_NEW["deadline_at"]}, e.deadline_at)
    WHERE e.id = ANY ($1::uuid[]) AND e.owner = {_NEW["owner"]} AND e.epoch = {_NEW["epoch"]}
        AND e.status || '' = 'running'
    RETURNING e.id, {_NEW["owner"]}, e.epoch, e.project_id, e.watched, e.event_id
"""  # noqa: S608 - our own names
_STANDING_SQLITE = """
    SELECT id, owner, epoch, project_id, watched, event_id FROM executions
    WHERE id IN (SELECT value FROM json_each(?)) AND status || '' = 'running'
"""
_RECORD_SQLITE = f"""
    UPDATE executions
    SET status = {_RESTS.format(given="?1", row="", reason="?3")}, due_at = ?2, wait_reason = ?3, finished_at = ?4,
        output = ?5, error = ?6, response = coalesce(?7, response), deadline_at = coalesce(?8, deadline_at),
        owner = CASE WHEN ?1 = 'running' THEN owner END
    WHERE id = ?9
"""  # noqa: S608 - our own names
_COLUMNS_SQLITE = Columns((*_COLUMNS.names[3:], "id"), (*_COLUMNS.kinds[3:], Kind.ID))


class Recording:
    """The part of ``ExecutionRepository`` that the recorder writes through."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._watched: dict[_Fence, EventId] = {}
        self.woken: list[tuple[ExecutionId, Lane]] = []

    async def record(self, records: Sequence[ExecutionRecord]) -> set[ExecutionId]:
        """Write those whose owner and epoch still hold, and return their ids; of the others nothing is written.

        Several records of one execution under the same fence count as one: all their steps, and the last one's state.
        """
        if not records:
            return set()
        last = {(record.id, record.owner, record.epoch): record for record in records}
        rows = [self._values(record) for record in last.values()]
        write = self._write_postgres if self._transaction.postgres else self._write_sqlite
        standing = await write(rows)
        counted = [
            (record.id, standing[record.id, record.owner, record.epoch], record.steps)
            for record in records
            if (record.id, record.owner, record.epoch) in standing
        ]
        await write_steps(self._transaction, counted)
        await write_letters(
            self._transaction,
            [r.dead_letter for r in records if r.dead_letter and (r.id, r.owner, r.epoch) in standing],
        )
        if any(record.results for record in records):
            kept = [r.results for r in records if (r.id, r.owner, r.epoch) in standing]
            await write_results(self._transaction, chain.from_iterable(kept))
        await self._tell_watchers(last)
        return {execution for execution, _, _ in counted}

    async def _tell_watchers(self, last: Mapping[tuple[ExecutionId, ExecutorId, int], ExecutionRecord]) -> None:
        ended = [
            Ended(
                id=record.id,
                event_id=self._watched[fence],
                succeeded=record.status is Status.SUCCEEDED,
                at=record.finished_at,
            )
            for fence, record in last.items()
            if fence in self._watched and record.status.is_final and record.finished_at is not None
        ]
        if ended:
            self.woken += await tell_watchers(self._transaction, ended)

    async def _write_postgres(self, rows: list[tuple[Any, ...]]) -> dict[_Fence, ProjectId]:
        """One statement, unless an execution comes under several fences: its values are found by its id alone."""
        standing: dict[_Fence, ProjectId] = {}
        self._watched = {}
        left = sorted(rows, key=itemgetter(0))
        while left:
            now = {row[0]: row for row in left}
            left = [row for row in left if now[row[0]] is not row]
            found = await self._transaction.fetch_columns(_RECORD_POSTGRES, _COLUMNS, list(now.values()))
            standing |= {(str(row[0]), row[1], row[2]): ProjectId(str(row[3])) for row in found}
            self._watched |= {(str(row[0]), row[1], row[2]): EventId(str(row[5])) for row in found if row[4]}
        return standing

    async def _write_sqlite(self, rows: list[tuple[Any, ...]]) -> dict[_Fence, ProjectId]:
        """Look first, then write: nobody else can write between the two on SQLite."""
        found = await self._transaction.fetch(_STANDING_SQLITE, self._transaction.texts([row[0] for row in rows]))
        present = {(row[0], row[1], row[2]): ProjectId(row[3]) for row in found}
        self._watched = {(row[0], row[1], row[2]): EventId(row[5]) for row in found if row[4]}
        standing = [row for row in rows if row[:3] in present]
        if standing:
            await self._transaction.each(_RECORD_SQLITE, _COLUMNS_SQLITE, [(*row[3:], row[0]) for row in standing])
        return {row[:3]: present[row[:3]] for row in standing}

    def _values(self, record: ExecutionRecord) -> tuple[Any, ...]:
        keep = self._transaction.blobs.keep
        return (
            record.id,
            record.owner,
            record.epoch,
            record.status.value,
            record.due_at,
            record.wait_reason,
            record.finished_at,
            keep(optional_json(record.output), record.id),
            encode_failure(record.error),
            keep(encode_response(record.response), record.id),
            record.deadline_at,
        )
