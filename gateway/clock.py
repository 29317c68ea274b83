"""The real clock."""

from datetime import UTC, datetime


class SystemClock:
    """Implements ``engine.ports.Clock``."""

    def now(self) -> datetime:
        """Return the current instant, in UTC."""
        return datetime.now(UTC)
