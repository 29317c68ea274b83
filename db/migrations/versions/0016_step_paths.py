"""Paths of steps compare byte by byte, so that what is inside a step is one range of the primary key.

PostgreSQL builds that index anew; SQLite has always compared so.
"""

from alembic import op

from db.types import PathText

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("steps", "path", type_=PathText(), existing_nullable=False)
