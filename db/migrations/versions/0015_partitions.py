"""On PostgreSQL executions, steps and dead letters are divided by month.

Nothing is copied: each table becomes the first partition of a new one of its name, for all ids up to the end of this
month, after one look at its rows to see that this is true. Ids beyond, from clocks that were ahead, move its end.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from db.partitions import KEYS, NEVER, STORAGE, Month, Partition, create_default

revision = "0015"
down_revision = "0014"

_HERE = "tablename = :name AND schemaname = current_schema()"
_INDEXES = f"SELECT indexname FROM pg_indexes WHERE {_HERE} ORDER BY indexname"  # noqa: S608 - our own names
_PAIRS = f"""
    SELECT whole.relname AS whole, part.relname AS part FROM pg_inherits AS i
    JOIN pg_class AS whole ON whole.oid = i.inhparent JOIN pg_class AS part ON part.oid = i.inhrelid
    JOIN pg_indexes AS x ON x.indexname = part.relname WHERE {_HERE}
"""  # noqa: S608 - our own names


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        end = _end(connection)
        for table in KEYS:
            _divide(connection, Partition(table, end, since_ever=True))


def _end(connection: sa.Connection) -> Month:
    """The month that follows all ids there are; ``NEVER`` if one has no time in it, because it is not one of ours."""
    end = Month.of(datetime.now(UTC)).next
    for table, key in KEYS.items():
        # There is no max() for uuid before PostgreSQL 18.
        last = connection.scalar(sa.text(f"SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1"))  # noqa: S608 - our own
        while last is not None and str(last) >= end.first_id and end < NEVER:
            end = end.next
    return end


def _divide(connection: sa.Connection, old: Partition) -> None:
    """Put a table of the same form around the old one.

    Its indexes are copied as they are: only an index that is the same to the letter is taken over from a partition, and
    any other would be built anew.
    """
    suffix = f"_until_{old.end}"
    names = connection.scalars(sa.text(_INDEXES), {"name": old.table}).all()
    op.execute(f"ALTER TABLE {old.table} RENAME TO {old.name}")
    op.execute(f"ALTER TABLE {old.name} SET ({STORAGE[old.table]})")
    for name in names:
        op.execute(f"ALTER INDEX {name} RENAME TO {name}{suffix}")
    form = f"LIKE {old.name} INCLUDING DEFAULTS INCLUDING INDEXES"
    op.execute(f"CREATE TABLE {old.table} ({form}) PARTITION BY RANGE ({KEYS[old.table]})")
    op.execute(f"ALTER TABLE {old.table} ATTACH PARTITION {old.name} FOR VALUES {old.bounds}")
    for row in connection.execute(sa.text(_PAIRS), {"name": old.name}).all():
        op.execute(f"ALTER INDEX {row.whole} RENAME TO {row.part.removesuffix(suffix)}")
    op.execute(create_default(old.table))
