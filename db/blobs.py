"""Large values in one transaction: kept out of their rows, once by content, and read back.

Writing: ``keep`` puts a reference in place of a large text at once; contents and uses are written by ``flush``, just
before the commit, in the order of their digests, so that two transactions with several contents in common cannot wait
for each other. A crash leaves either all of it or nothing.

A content that is stored already is locked (``FOR KEY SHARE``) and not sent again. Whoever deletes contents locks them
first and looks for uses afterwards (``db.repositories.blobs``): so either the deleter sees our use, or we see that the
content is gone and write it anew.
"""

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from db.bulk import Columns, Kind, Rows
from db.encoding import decode_json
from db.large_values import Reference
from engine.model.base import Json

LARGE = 64 * 1024
REMEMBERED = 16 * 1024 * 1024
_SAMPLE = 16 * 1024
_IN_A_THREAD = 256 * 1024

_In = TypeVar("_In")
_Out = TypeVar("_Out")

_USES = Columns.of(owner_id=Kind.ID, digest=Kind.WORD)
_CONTENTS = Columns.of(digest=Kind.WORD, size=Kind.INT, compressed=Kind.BOOL, content=Kind.BYTES)

_USE_POSTGRES = f"""
    WITH used AS ({_USES.insert_arrays("blob_uses")} ON CONFLICT DO NOTHING)
    SELECT digest FROM blobs WHERE digest = ANY ($2::varchar[]) ORDER BY digest FOR KEY SHARE
"""  # noqa: S608 - our own names
_PRESENT_POSTGRES = "SELECT digest FROM blobs WHERE digest = ANY ($1::varchar[]) ORDER BY digest FOR KEY SHARE"
_STORE_POSTGRES = _CONTENTS.insert_arrays("blobs") + " ON CONFLICT DO NOTHING RETURNING digest"
_READ_POSTGRES = "SELECT digest, compressed, content FROM blobs WHERE digest = ANY ($1::varchar[])"

_USE_SQLITE = _USES.insert_row("blob_uses") + " ON CONFLICT DO NOTHING"
_PRESENT_SQLITE = "SELECT digest FROM blobs WHERE digest IN (SELECT value FROM json_each(?))"
_STORE_SQLITE = _CONTENTS.insert_row("blobs")
_READ_SQLITE = "SELECT digest, compressed, content FROM blobs WHERE digest IN (SELECT value FROM json_each(?))"


class Statements(Protocol):
    """What is needed of a transaction; see ``db.transaction``."""

    postgres: bool

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Sequence[Any]]: ...

    async def fetch_columns(self, sql: str, columns: Columns, rows: Rows) -> Sequence[Sequence[Any]]: ...

    async def each(self, sql: str, columns: Columns, rows: Rows) -> None: ...

    def texts(self, texts: Sequence[str]) -> Any: ...


class LargeTexts:
    """What a process knows about large values: from which size on a text is one, and those it used lately.

    ``threshold`` is in bytes of UTF-8, 0 keeps every value in its row. The texts kept in memory are at most
    ``remembered`` characters together; a digest never changes its text, so they need no invalidation.
    """

    def __init__(self, *, threshold: int = LARGE, remembered: int = REMEMBERED) -> None:
        self._threshold = threshold
        self._remembered = remembered
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._size = 0

    def is_large(self, text: str) -> bool:
        """Whether the text has more bytes than the threshold."""
        if not self._threshold or len(text) * 4 <= self._threshold:
            return False
        return len(text) > self._threshold or (not text.isascii() and len(text.encode()) > self._threshold)

    def find(self, digest: str) -> str | None:
        text = self._texts.get(digest)
        if text is not None:
            self._texts.move_to_end(digest)
        return text

    def remember(self, digest: str, text: str) -> None:
        """Keep it until others need the room; one that would take more than a quarter of it is not kept."""
        if digest in self._texts or len(text) * 4 > self._remembered:
            return
        self._texts[digest] = text
        self._size += len(text)
        while self._size > self._remembered:
            _, oldest = self._texts.popitem(last=False)
            self._size -= len(oldest)


class Loaded:
    """Values that were read from ``blobs``, each decoded once however many columns refer to it."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = values

    def of(self, value: Any) -> Json:
        """The value itself, or the one that a reference stands for; a marker if that is missing."""
        if not isinstance(value, Reference):
            return value
        return self._values[value.digest] if value.digest in self._values else value.marker(missing=True)

    def lacks(self, value: Any) -> bool:
        """Whether it is a reference to a content that the database does not have."""
        return isinstance(value, Reference) and value.digest not in self._values


NOTHING = Loaded({})


class Blobs:
    """Large values of one transaction."""

    def __init__(self, statements: Statements, known: LargeTexts) -> None:
        self._statements = statements
        self._known = known
        self._pending: dict[str, bytes] = {}
        self._uses: set[tuple[str, str]] = set()

    def keep(self, text: str | None, owner: str) -> str | None:
        """Return what the column is to hold: the JSON text, or a reference if it is large.

        ``owner`` is the id of the event or execution whose row or step it is: as long as that is stored, so is the
        content.
        """
        if text is None or not self._known.is_large(text):
            return text
        content = text.encode()
        reference = Reference.to(content)
        self._pending[reference.digest] = content
        self._uses.add((owner, reference.digest))
        self._known.remember(reference.digest, text)
        return str(reference)

    async def flush(self) -> None:
        """Write what was kept; with one statement if all contents are stored already, and with none if nothing was."""
        if not self._uses:
            return
        contents, uses = dict(sorted(self._pending.items())), sorted(self._uses)
        self._pending.clear()
        self._uses.clear()
        if self._statements.postgres:
            present = await self._statements.fetch_columns(_USE_POSTGRES, _USES, uses)
            await self._store_postgres(contents, {row[0] for row in present})
        else:
            await self._statements.each(_USE_SQLITE, _USES, uses)
            found = await self._statements.fetch(_PRESENT_SQLITE, self._statements.texts(list(contents)))
            rows = await _packed(contents, {row[0] for row in found})
            if rows:
                await self._statements.each(_STORE_SQLITE, _CONTENTS, rows)

    async def load(self, values: Iterable[Any]) -> Loaded:
        """Read the contents of all references among ``values``: each once, and with no statement if there are none."""
        wanted = {value.digest for value in values if isinstance(value, Reference)}
        if not wanted:
            return NOTHING
        texts = {digest: text for digest in wanted if (text := self._known.find(digest)) is not None}
        texts |= await self._read(sorted(wanted - texts.keys()))
        return Loaded({digest: decode_json(text) for digest, text in texts.items()})

    async def _store_postgres(self, contents: Mapping[str, bytes], present: set[str]) -> None:
        """Write what is missing. What somebody else stored meanwhile is locked instead, or written if it went again."""
        while rows := await _packed(contents, present):
            stored = await self._statements.fetch_columns(_STORE_POSTGRES, _CONTENTS, rows)
            present |= {row[0] for row in stored}
            left = [digest for digest in contents if digest not in present]
            if not left:
                return
            present |= {row[0] for row in await self._statements.fetch(_PRESENT_POSTGRES, left)}

    async def _read(self, digests: Sequence[str]) -> dict[str, str]:
        pending = {digest: self._pending[digest].decode() for digest in digests if digest in self._pending}
        sought = [digest for digest in digests if digest not in pending]
        if not sought:
            return pending
        sql = _READ_POSTGRES if self._statements.postgres else _READ_SQLITE
        rows = await self._statements.fetch(sql, self._statements.texts(sought))
        found = await _off_the_loop(_unpack, rows, size=sum(len(row[2]) for row in rows))
        for digest, text in found.items():
            self._known.remember(digest, text)
        return pending | found


async def _packed(contents: Mapping[str, bytes], present: set[str]) -> Rows:
    """The rows of ``blobs`` for the contents that are not there yet."""
    missing = {digest: content for digest, content in contents.items() if digest not in present}
    return await _off_the_loop(_pack, missing, size=sum(map(len, missing.values()))) if missing else []


async def _off_the_loop(work: Callable[[_In], _Out], argument: _In, *, size: int) -> _Out:
    """Compressing releases the interpreter, so it may run beside the event loop; a thread costs about 0.1 ms."""
    return work(argument) if size < _IN_A_THREAD else await asyncio.to_thread(work, argument)


def _pack(contents: Mapping[str, bytes]) -> list[tuple[str, int, bool, bytes]]:
    """Compress what a sample says can be compressed: packed data inside JSON would cost five times the time."""
    rows = []
    for digest, content in contents.items():
        worth_it = len(zlib.compress(content[:_SAMPLE], 1)) * 3 < min(len(content), _SAMPLE) * 2
        rows.append((digest, len(content), worth_it, zlib.compress(content, 1) if worth_it else content))
    return rows


def _unpack(rows: Sequence[Sequence[Any]]) -> dict[str, str]:
    return {row[0]: (zlib.decompress(row[2]) if row[1] else bytes(row[2])).decode() for row in rows}
