"""Writing and reading many rows with one statement, on the driver itself.

PostgreSQL gets one array per column and unnests them; SQLite, which has no round trip to save, runs one prepared
statement per row in one call of its thread. This is the only module that goes past SQLAlchemy: its overhead per
statement would be most of the cost of the hot path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from db.encoding import clean_text, encode_json, time_text

Rows = Sequence[Sequence[Any]]


class Kind(StrEnum):
    """What a column of a bulk statement holds; the value is PostgreSQL's type. ``WORD`` is text of our own making."""

    ID = "uuid"
    TEXT = "text"
    WORD = "varchar"
    TIME = "timestamptz"
    INT = "int"
    BOOL = "bool"
    BYTES = "bytea"
    LONG = "int8"


_CHECKED = (Kind.TEXT, Kind.TIME)


@dataclass(frozen=True, slots=True)
class Columns:
    """The names and kinds of the columns of one bulk statement, in the order of its rows' values."""

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]

    @classmethod
    def of(cls, **kinds: Kind) -> "Columns":
        return cls(tuple(kinds), tuple(kinds.values()))

    @property
    def listed(self) -> str:
        """``a, b, c``."""
        return ", ".join(self.names)

    def insert_arrays(self, table: str, **more: str) -> str:
        """PostgreSQL's INSERT of any number of rows, given as one array per column.

        ``more`` are columns that are computed from the others, which are named ``new.…``.
        """
        return self._insert(table, self.unnest("new"), more)

    def insert_row(self, table: str, **more: str) -> str:
        """SQLite's INSERT of one row; ``more`` as above."""
        marks = ", ".join(f"? AS {name}" for name in self.names)
        return self._insert(table, f"(SELECT {marks}) AS new WHERE true", more)

    def _insert(self, table: str, source: str, more: dict[str, str]) -> str:
        names, values = (", ".join(("", *part)) for part in (more.keys(), more.values()))
        return f"INSERT INTO {table} ({self.listed}{names}) SELECT new.*{values} FROM {source}"  # noqa: S608 - our own

    def unnest(self, alias: str) -> str:
        """PostgreSQL's ``unnest($1::uuid[], …) AS alias(a, b, …)``."""
        arrays = ", ".join(f"${place}::{kind.value}[]" for place, kind in enumerate(self.kinds, start=1))
        return f"unnest({arrays}) AS {alias}({self.listed})"

    def element(self, name: str, place: str) -> str:
        """PostgreSQL's ``($3::int[])[place]``: one value of a column; NULL if the column went as an empty array."""
        number = self.names.index(name)
        return f"(${number + 1}::{self.kinds[number].value}[])[{place}]"


class Bulk:
    """Bulk statements of one open transaction."""

    def __init__(self, driver: Any, *, postgres: bool) -> None:
        self._driver = driver
        self.postgres = postgres

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Sequence[Any]]:
        """Run one statement and return its rows."""
        if self.postgres:
            rows: Sequence[Sequence[Any]] = await self._driver.fetch(sql, *arguments)
            return rows
        return list(await self._driver.execute_fetchall(sql, arguments))

    async def fetch_columns(self, sql: str, columns: Columns, rows: Rows) -> Sequence[Sequence[Any]]:
        """Run one PostgreSQL statement that unnests ``columns``, and return what it returns.

        A column of nothing but NULL goes as an empty array, which ``unnest`` fills up: the driver takes most of its
        time to look at every element of every array.
        """
        arrays = [() if values.count(None) == len(values) else values for values in _by_column(columns, rows)]
        found: Sequence[Sequence[Any]] = await self._driver.fetch(sql, *arrays)
        return found

    async def each(self, sql: str, columns: Columns, rows: Rows) -> None:
        """Run one SQLite statement for every row."""
        texts = [
            [None if value is None else time_text(value) for value in values] if kind is Kind.TIME else values
            for kind, values in zip(columns.kinds, _by_column(columns, rows), strict=True)
        ]
        cursor = await self._driver.executemany(sql, list(zip(*texts, strict=True)))
        await cursor.close()

    def texts(self, texts: Sequence[str]) -> Any:
        """The parameter for many ids or words: an array, or for SQLite a JSON list to read with ``json_each``."""
        return list(texts) if self.postgres else encode_json(list(texts))


def _by_column(columns: Columns, rows: Rows) -> list[tuple[Any, ...] | list[Any]]:
    """Turn rows into columns; on the way clean the texts and refuse naive times."""
    turned: list[tuple[Any, ...] | list[Any]] = list(zip(*rows, strict=True))
    for place, kind in enumerate(columns.kinds):
        values = turned[place]
        if kind not in _CHECKED or values.count(None) == len(values):
            continue
        if kind is Kind.TEXT:
            turned[place] = [clean_text(value) for value in values]
        elif any(value is not None and value.tzinfo is None for value in values):
            raise ValueError(f'a time in the column "{columns.names[place]}" has no zone')
    return turned
