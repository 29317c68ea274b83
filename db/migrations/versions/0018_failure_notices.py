"""Who is to be told of a failed execution, and what became of it."""

import sqlalchemy as sa
from alembic import op

from db.types import PlainText

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("notify", PlainText()))
    op.add_column("dead_letters", sa.Column("notice", PlainText()))
    untold = sa.text("notify IS NOT NULL")
    op.create_index("ix_dead_letters_untold", "dead_letters", ["id"], postgresql_where=untold, sqlite_where=untold)
