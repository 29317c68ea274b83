"""Paths of steps compare byte by byte, so that what is inside a step is one range of the primary key.

PostgreSQL builds that index anew, in every partition, and would give it other names; SQLite has always compared so.
"""

import sqlalchemy as sa
from alembic import op

from db.types import PathText

revision = "0016"
down_revision = "0015"

_KEYS = sa.text(
    """
    SELECT part.relname, key.relname FROM pg_inherits
    JOIN pg_class AS part ON part.oid = inhrelid
    JOIN pg_index ON indrelid = inhrelid AND indisprimary
    JOIN pg_class AS key ON key.oid = indexrelid
    WHERE inhparent = CAST('steps' AS regclass)
    """
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    before = {row[0]: row[1] for row in connection.execute(_KEYS)}
    op.alter_column("steps", "path", type_=PathText(), existing_nullable=False)
    for part, key in connection.execute(_KEYS).all():
        if key != before[part]:
            op.execute(f'ALTER INDEX "{key}" RENAME TO "{before[part]}"')
