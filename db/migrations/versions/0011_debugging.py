"""How executions are debugged that people debug."""

import sqlalchemy as sa
from alembic import op

from db.types import JsonText

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("executions", sa.Column("debug", JsonText()))
