"""The ``patchbay`` command with a clock that can be put wrong: a file says by how many seconds, and may change any time.

Only the wall clock is wrong, as after a bad NTP answer; the steady clock of the event loop goes on.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.cli import main
from gateway.clock import SystemClock

VARIABLE = "CHAOS_CLOCK_FILE"


def offset(path: Path) -> timedelta:
    """Read the file; a missing or torn one is no offset."""
    try:
        return timedelta(seconds=float(path.read_text()))
    except (OSError, ValueError):
        return timedelta()


def skew(path: Path) -> None:
    """Let every ``SystemClock`` of this process show the wrong time."""

    def now(_: SystemClock) -> datetime:
        return datetime.now(UTC) + offset(path)

    SystemClock.now = now  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    skew(Path(os.environ[VARIABLE]))
    sys.argv[0] = "patchbay"
    main()
