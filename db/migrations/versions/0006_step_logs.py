"""What the code of a step wrote to its console."""

import sqlalchemy as sa
from alembic import op

from db.types import JsonText

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("steps", sa.Column("log", JsonText()))
