"""The tables of who is alive, who leads, and what the breakers share."""

from sqlalchemy import Column, Table, Text

from db.tables import metadata
from db.types import JsonText, PlainText, UtcDateTime

breakers = Table(
    "breakers", metadata, Column("key", PlainText, primary_key=True), Column("state", JsonText, nullable=False)
)

executors = Table(
    "executors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("details", JsonText, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", UtcDateTime, nullable=False),
)
