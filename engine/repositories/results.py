"""What the database promises about the results that steps left for others."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from engine.model.base import Json


class Results(Protocol):
    """Kept results. They are written with the step they come from; see ``ExecutionRecord.results``."""

    async def find(self, digests: Collection[str], *, now: datetime) -> Mapping[str, Json]:
        """The outputs that are kept under these digests and have not expired."""

    async def has_expired(self, *, now: datetime) -> bool:
        """Whether there is anything to delete."""

    async def delete_expired(self, *, now: datetime, limit: int) -> int:
        """Remove expired ones, oldest first; return how many. Two callers at once do no harm."""
