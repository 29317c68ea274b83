"""The topics by which executors hear what people want, the body being the execution's id, and the admitter of gates.

They are hints: what counts stands in the database before they are sent.
"""

CANCELLED = "execution.cancelled"
"""It has ended; stop the work on it."""
PAUSING = "execution.pausing"
"""Start no further node, and hand it back when the effects under way have ended."""
RESUMED = "execution.resumed"
"""It need not pause any more."""

STIRRED = "admission.stirred"
"""A gate may let somebody in; the body is the gate. A lost one costs the time until all gates are looked at again."""
