"""The topics by which executors hear what people want; the body is the execution's id.

They are hints: what counts stands in the database before they are sent.
"""

CANCELLED = "execution.cancelled"
"""It has ended; stop the work on it."""
PAUSING = "execution.pausing"
"""Start no further node, and hand it back when the effects under way have ended."""
RESUMED = "execution.resumed"
"""It need not pause any more."""
