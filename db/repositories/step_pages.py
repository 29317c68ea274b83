"""Reading some of an execution's steps: by their place in its tree, a part at a time, never all of a long loop.

Paths are compared byte by byte, so that what is inside a step lies next to it in the index of the primary key.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from db.large_values import Reference, marked, read_large
from db.repositories.steps import SELECT, step_of
from db.transaction import Transaction
from engine.model.base import ExecutionId, is_id
from engine.model.execution import StepRecord
from engine.repositories import PartCounts, StepFilter

_Range: TypeAlias = tuple[str, str]
"""Paths from the first on, before the second."""

_UNFINISHED = "('waiting', 'retrying', 'running')"
_SUPERSEDED = (
    "attempt = 0 AND EXISTS (SELECT 1 FROM steps AS later WHERE later.execution_id = steps.execution_id "
    "AND later.path = steps.path AND later.attempt > 0)"
)

_COUNT = "SELECT count(*) FROM steps WHERE execution_id = {id}"
_PARTS = """
SELECT count(*), coalesce(sum(is_open), 0), coalesce(sum(is_broken), 0)
FROM (
    SELECT max(CASE WHEN status IN {unfinished} AND NOT EXISTS (
               SELECT 1 FROM steps AS later WHERE later.execution_id = inside.execution_id
               AND later.path = inside.path AND later.attempt > inside.attempt) THEN 1 ELSE 0 END) AS is_open,
           max(CASE WHEN status IN ('failed', 'unknown') AND ports IS NULL
               AND length(tail) - length(replace(tail, '.', '')) = 1 THEN 1 ELSE 0 END) AS is_broken
    FROM (
        SELECT execution_id, path, attempt, status, ports, substr(path, {skip}) AS tail
        FROM steps WHERE execution_id = {id} AND path >= {begin} AND path < {end}
    ) AS inside
    GROUP BY substr(tail, 1, {position})
) AS parts
"""


class StepPages:
    """The part of the executions' repository that reads some of their steps."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def step_count(self, execution_id: ExecutionId) -> int:
        """How many attempts are recorded."""
        if not is_id(execution_id):
            return 0
        values = _Values(self._transaction)
        sql = _COUNT.format(id=values.mark(execution_id))
        return int((await self._transaction.fetch(sql, *values.given))[0][0])

    async def some_steps(
        self, execution_id: ExecutionId, where: StepFilter, *, limit: int, budget: int
    ) -> Sequence[StepRecord]:
        """Some attempts, in the order of their paths; at most three statements, and one for their large values."""
        rows: list[Sequence[Any]] = []
        if not is_id(execution_id):
            return ()
        for span in _ranges(where):
            if len(rows) < limit and not (where.after and span and span[1] <= where.after[0]):
                rows += await self._read(execution_id, where, span, limit=limit - len(rows))
        return await self._loaded(rows, budget)

    async def part_counts(self, execution_id: ExecutionId, path: str, *, numbered: bool) -> PartCounts:
        """Count the iterations (``numbered``) or branches inside a step, in one statement."""
        if not is_id(execution_id):
            return PartCounts(begun=0, open=0, failed=0)
        begin, end = (f"{path}[", f"{path}\\") if numbered else (f"{path}.", f"{path}/")
        values = _Values(self._transaction)
        stop = "]" if numbered else "."
        sql = _PARTS.format(
            id=values.mark(execution_id),
            begin=values.mark(begin),
            end=values.mark(end),
            unfinished=_UNFINISHED,
            skip=len(begin) + 1,
            position=f"{'strpos' if self._transaction.postgres else 'instr'}(tail, '{stop}')",
        )
        [(begun, under_way, failed)] = await self._transaction.fetch(sql, *values.given)
        return PartCounts(begun=begun, open=under_way, failed=failed)

    async def _read(
        self, execution_id: ExecutionId, where: StepFilter, span: _Range | None, *, limit: int
    ) -> Sequence[Sequence[Any]]:
        values = _Values(self._transaction)
        tests = [f"execution_id = {values.mark(execution_id)}"]
        begin, end = span or ("", None)
        if where.after is not None:
            path, attempt = where.after
            begin = max(begin, path)
            tests.append(f"(path, attempt) > ({values.mark(path)}, {values.mark(attempt)})")
        tests.append(f"path >= {values.mark(begin)}")
        if end is not None:
            tests.append(f"path < {values.mark(end)}")
        if where.outermost:
            tests.append("path NOT LIKE '%.%'")
        if where.statuses:
            tests.append(f"status IN ({', '.join(values.mark(each.value) for each in sorted(where.statuses))})")
        if not where.superseded:
            tests.append(f"NOT ({_SUPERSEDED})")
        sql = f"{SELECT} WHERE {' AND '.join(tests)} ORDER BY path, attempt LIMIT {limit:d}"
        return await self._transaction.fetch(sql, *values.given)

    async def _loaded(self, rows: Sequence[Sequence[Any]], budget: int) -> Sequence[StepRecord]:
        values = [(read_large(row[9]), read_large(row[10])) for row in rows]
        opened = [values[number][0] for number, row in enumerate(rows) if row[3] == 0]
        wanted = [*opened, *_within(budget, (value for pair in values for value in pair))]
        loaded = await self._transaction.blobs.load(wanted)
        known = {value.digest for value in wanted if isinstance(value, Reference)}

        def shown(value: Any) -> Any:
            return marked(value) if isinstance(value, Reference) and value.digest not in known else loaded.of(value)

        return [step_of(row, shown(one), shown(two)) for row, (one, two) in zip(rows, values, strict=True)]


class _Values:
    """The parameters of a statement, and how the dialect marks their places."""

    def __init__(self, transaction: Transaction) -> None:
        self._sign = "$" if transaction.postgres else "?"
        self.given: list[Any] = []

    def mark(self, value: Any) -> str:
        self.given.append(value)
        return f"{self._sign}{len(self.given)}"


def _ranges(where: StepFilter) -> Sequence[_Range | None]:
    """The ranges of paths to read, in their order; ``None`` for all. No character of a path comes before ``#``."""
    if where.path is not None:
        return [(where.path, f"{where.path}!")]
    if where.within is None:
        return [None]
    path = where.within
    return [(path, f"{path}!"), (f"{path}.", f"{path}/"), (f"{path}[", f"{path}\\")]


def _within(budget: int, values: Iterable[Any]) -> Iterator[Reference]:
    for value in values:
        if isinstance(value, Reference):
            budget -= value.size
            if budget < 0:
                return
            yield value
