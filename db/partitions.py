"""Partitions by month of PostgreSQL's largest tables: their names, their bounds and the statements about them.

Ids are UUIDv7, whose first 48 bits are milliseconds since 1970 (RFC 9562, 5.7), so a month is a range of ids and the
primary keys stay as they are. ``executions_2026_11`` holds November 2026 in UTC; ``executions_until_2026_11`` all from
before, which was in the table when it was divided; ``executions_default`` what fits nowhere.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

KEYS = {"executions": "id", "steps": "execution_id", "dead_letters": "id"}
"""The tables that are divided, and the column by which."""

STORAGE = {
    "executions": "fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05",
    "steps": "fillfactor = 90, autovacuum_analyze_scale_factor = 0.05",
    "dead_letters": "autovacuum_analyze_scale_factor = 0.05",
}
"""Rows of executions change two or three times soon after they were inserted: see migration 0002."""

_NAME = re.compile(rf"({'|'.join(KEYS)})_(?:(until)_)?(\d{{4}})_(\d\d)")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, instant: datetime) -> "Month":
        utc = instant.astimezone(UTC)
        return cls(utc.year, utc.month)

    @property
    def next(self) -> "Month":
        return Month(self.year, self.month + 1) if self.month < 12 else Month(self.year + 1, 1)

    @property
    def before(self) -> "Month":
        return Month(self.year, self.month - 1) if self.month > 1 else Month(self.year - 1, 12)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def first_id(self) -> str:
        """The smallest UUID that begins with the month's first millisecond."""
        digits = f"{round(self.start.timestamp() * 1000):012x}"
        return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"

    def __str__(self) -> str:
        return f"{self.year:04}_{self.month:02}"


NEVER = Month(9999, 12)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of ``table``: the month before ``end``, or with ``since_ever`` everything before it.

    One that is ``since_ever`` and ends ``NEVER`` holds every id there may be.
    """

    table: str
    end: Month
    since_ever: bool = False

    @classmethod
    def of(cls, table: str, month: Month) -> "Partition":
        return cls(table, month.next)

    @classmethod
    def parse(cls, name: str) -> "Partition | None":
        """Read a name that we gave; ``None``: it is not one, or a default partition's."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        table, until, year, month = found.groups()
        named = Month(int(year), int(month))
        return cls(table, named, since_ever=True) if until else cls.of(table, named)

    @property
    def name(self) -> str:
        return f"{self.table}_until_{self.end}" if self.since_ever else f"{self.table}_{self.end.before}"

    @property
    def bounds(self) -> str:
        """``FROM … TO …``, the second not included."""
        if not self.since_ever:
            return f"FROM ('{self.end.before.first_id}') TO ('{self.end.first_id}')"
        return f"FROM (MINVALUE) TO ({'MAXVALUE' if self.end == NEVER else repr(self.end.first_id)})"

    def create(self) -> str:
        """The statement that makes it, with all indexes of its table."""
        return (
            f"CREATE TABLE {self.name} PARTITION OF {self.table} FOR VALUES {self.bounds} WITH ({STORAGE[self.table]})"
        )


def create_default(table: str) -> str:
    """The statement that makes the partition for what fits nowhere."""
    return f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT WITH ({STORAGE[table]})"
