"""What the database promises about large values that nothing uses any more.

Everybody else sees large values as the values they are, and does not know that they are kept apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What one page of a walk came upon; ``next`` is the ``after`` of the next page, ``None`` at the end."""

    found: tuple[str, ...]
    next: str | None


class Blobs(Protocol):
    """Contents of large values, by digest, and their uses, by the event or execution that owns them."""

    async def gone_owners(self, after: str | None, *, limit: int) -> Walked:
        """Look at the owners of up to ``limit`` uses, in the order of their ids; find those that were deleted."""

    async def forget(self, owners: Sequence[str]) -> None:
        """Remove the uses of owners that were deleted."""

    async def unused(self, after: str | None, *, limit: int) -> Walked:
        """Look at up to ``limit`` contents, in the order of their digests; find those that nothing uses."""

    async def delete(self, digests: Sequence[str]) -> int:
        """Remove those of them that nothing uses now; return how many. Never one that a commit begins to use."""
