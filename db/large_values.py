"""What stands in a column for a value that is too large for its row: a reference by content, and how it is shown.

A reference is the text ``@digest:size``. No JSON text begins with ``@``, so nothing a user stores can look like one.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from db.encoding import decode_json
from engine.model.base import Json, JsonObject

SIGN = "@"

STORED_BYTES = {
    True: "CASE WHEN left({0}, 1) = '@' THEN CAST(split_part({0}, ':', 2) AS bigint) ELSE octet_length({0}) END",
    False: (
        "CASE WHEN substr({0}, 1, 1) = '@' THEN CAST(substr({0}, instr({0}, ':') + 1) AS integer) ELSE length({0}) END"
    ),
}
"""How large the value of a column is, wherever it is kept, in SQL, by whether it is PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is kept in ``blobs``. ``digest`` is the SHA-256 of its JSON text, ``size`` that text in bytes."""

    digest: str
    size: int

    @classmethod
    def to(cls, content: bytes) -> "Reference":
        return cls(hashlib.sha256(content).hexdigest(), len(content))

    @classmethod
    def parse(cls, text: str) -> "Reference":
        digest, _, size = text[1:].partition(":")
        return cls(digest, int(size))

    def __str__(self) -> str:
        return f"{SIGN}{self.digest}:{self.size}"

    def marker(self, *, missing: bool = False) -> JsonObject:
        """What is shown where the value itself is not loaded; ``missing`` if it is not in the database any more."""
        shown: JsonObject = {"bytes": self.size}
        return {"$large_value": {**shown, "missing": True} if missing else shown}


def read_large(text: str | None) -> Any:
    """Read a column that may hold a reference: ``None``, a ``Reference``, or the JSON value."""
    if text is None:
        return None
    return Reference.parse(text) if text[:1] == SIGN else decode_json(text)


def marked(value: Any) -> Json:
    """Put the marker in place of a reference."""
    return value.marker() if isinstance(value, Reference) else value
