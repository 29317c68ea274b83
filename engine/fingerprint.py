"""The same trouble gets the same name: how dead letters are grouped."""

import hashlib
import re

_LONGEST = 2_000
# In this order: an id holds digits, and a quoted text may hold both.
_VARIABLE = (
    (re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|“[^”]*”"), '""'),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?=[a-z]*\d)(?=\d*[a-z])[0-9a-z]{12,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<n>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def fingerprint(step: str | None, code: str, message: str) -> str:
    """Return 16 hex digits that are equal for failures that probably have the same cause.

    What differs from one execution to the next does not count: numbers, ids, quoted values, white space, upper and
    lower case, and which visit of the node it was (``fetch#3``). Of the message, the first 2,000 characters count.
    """
    node = (step or "").partition("#")[0]
    shape = message[:_LONGEST]
    for pattern, mark in _VARIABLE:
        shape = pattern.sub(mark, shape)
    told = "\0".join((node, code, shape.strip().casefold()))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
