"""Large values, kept outside of the rows that use them."""

import sqlalchemy as sa
from alembic import op

from db.types import Id

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("compressed", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_blobs"),
    )
    op.create_table(
        "blob_uses",
        sa.Column("owner_id", Id(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "digest", name="pk_blob_uses"),
    )
    op.create_index("ix_blob_uses_digest", "blob_uses", ["digest"])
    if op.get_bind().dialect.name == "postgresql":
        # It is compressed already.
        op.execute("ALTER TABLE blobs ALTER COLUMN content SET STORAGE EXTERNAL")
