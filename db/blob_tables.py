"""The tables of large values: contents by digest, and which event or execution uses which.

They belong to no project: two projects that store the same content share one row, which nothing but a reference in a
row of theirs leads to.
"""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table

from db.tables import metadata
from db.types import Id

blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("compressed", Boolean, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

blob_uses = Table(
    "blob_uses",
    metadata,
    Column("owner_id", Id, primary_key=True),
    Column("digest", String(64), primary_key=True),
)

Index("ix_blob_uses_digest", blob_uses.c.digest)
