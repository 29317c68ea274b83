"""What the database promises about tables that are divided by month; SQLite's are not, and have no partitions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Partitions(Protocol):
    """Parts of large tables, by name."""

    async def missing(self, now: datetime, *, ahead: int) -> Sequence[str]:
        """Those of this month and of ``ahead`` months after it that have not been made."""

    async def make(self, name: str) -> bool:
        """Make one; false if rows that belong there are in the default partition already.

        Raises Unavailable: the table was busy for too long; nothing was done.
        """

    async def emptied(self, before: datetime) -> Sequence[str]:
        """Those that ended before a time and hold no row."""

    async def drop(self, name: str) -> bool:
        """Remove one that is empty, and give its space back; false if it is not. Raises Unavailable as above."""
