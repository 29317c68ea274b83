"""Large values of one transaction: what becomes a reference, and how many statements that costs."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from db.blobs import Blobs, LargeTexts
from db.bulk import Columns, Rows
from db.large_values import Reference, marked, read_large

OWNER = "00000000-0000-7000-8000-000000000001"
LIMIT = 100


class FakeStatements:
    """A table of contents in memory that counts the statements."""

    postgres = True

    def __init__(self) -> None:
        self.contents: dict[str, tuple[str, int, bool, bytes]] = {}
        self.uses: set[tuple[str, str]] = set()
        self.count = 0
        self.vanishing = 0

    async def fetch(self, sql: str, *arguments: Any) -> Sequence[Sequence[Any]]:
        self.count += 1
        found = [self.contents[digest] for digest in arguments[0] if digest in self.contents]
        return [(row[0], row[2], row[3]) if "content" in sql else row[:1] for row in found]

    async def fetch_columns(self, sql: str, columns: Columns, rows: Rows) -> Sequence[Sequence[Any]]:
        self.count += 1
        if columns.names == ("owner_id", "digest"):
            self.uses |= {(row[0], row[1]) for row in rows}
            return [(row[1],) for row in rows if row[1] in self.contents]
        if self.vanishing:
            self.vanishing -= 1
            return []
        fresh = [row for row in rows if row[0] not in self.contents]
        self.contents |= {row[0]: tuple(row) for row in fresh}
        return [(row[0],) for row in fresh]

    async def each(self, sql: str, columns: Columns, rows: Rows) -> None:
        raise AssertionError("only SQLite writes row by row")

    def texts(self, texts: Sequence[str]) -> Any:
        return list(texts)


@pytest.fixture
def statements() -> FakeStatements:
    return FakeStatements()


def blobs(statements: FakeStatements) -> Blobs:
    """Those of another process: nothing is remembered."""
    return Blobs(statements, LargeTexts(threshold=LIMIT))


def json_of(size: int, character: str = "x") -> str:
    return json.dumps(character * (size - 2), ensure_ascii=False)


@pytest.mark.parametrize(
    ("text", "large"),
    [
        (json_of(LIMIT), False),
        (json_of(LIMIT + 1), True),
        (json_of(LIMIT // 2 + 1, "é"), False),
        (json_of(LIMIT // 2 + 2, "é"), True),
        (json_of(LIMIT // 4 + 2, "😀"), True),
    ],
)
def test_a_value_is_large_by_its_bytes(statements: FakeStatements, text: str, large: bool) -> None:
    kept = blobs(statements).keep(text, OWNER)

    assert isinstance(read_large(kept), Reference) is large


def test_a_threshold_of_zero_keeps_everything_in_its_row(statements: FakeStatements) -> None:
    text = json_of(10_000_000)

    assert Blobs(statements, LargeTexts(threshold=0)).keep(text, OWNER) is text


async def test_what_is_small_costs_no_statement(statements: FakeStatements) -> None:
    one = blobs(statements)

    assert one.keep(None, OWNER) is None
    assert one.keep(json_of(LIMIT), OWNER) == json_of(LIMIT)
    await one.flush()
    loaded = await one.load([None, 1, {"a": "@b"}])

    assert [loaded.of(value) for value in (None, 1, {"a": "@b"})] == [None, 1, {"a": "@b"}]
    assert statements.count == 0


async def test_new_contents_cost_two_statements_and_known_ones_one(statements: FakeStatements) -> None:
    for expected in (2, 1):
        one, before = blobs(statements), statements.count
        for size in (200, 300, 300):
            one.keep(json_of(size), OWNER)
        await one.flush()
        await one.flush()
        assert statements.count - before == expected

    assert len(statements.contents) == 2


async def test_a_content_that_another_stores_at_the_same_moment_is_locked_or_written_again(
    statements: FakeStatements,
) -> None:
    statements.vanishing = 3  # each time it was there already, and was deleted before we could lock it
    one = blobs(statements)
    one.keep(json_of(200), OWNER)

    await one.flush()

    assert len(statements.contents) == 1


async def test_a_content_is_read_once_however_often_it_is_used(statements: FakeStatements) -> None:
    one = blobs(statements)
    references = [read_large(one.keep(json_of(size), OWNER)) for size in (200, 300, 200)]
    await one.flush()
    known = LargeTexts(threshold=LIMIT)
    before = statements.count

    loaded = await Blobs(statements, known).load(references)
    again = await Blobs(statements, known).load(references)

    assert statements.count - before == 1
    for each in (loaded, again):
        assert [each.of(reference) for reference in references] == ["x" * 198, "x" * 298, "x" * 198]
        assert each.of(references[0]) is each.of(references[2])


async def test_a_value_is_read_back_before_it_is_written(statements: FakeStatements) -> None:
    one = Blobs(statements, LargeTexts(threshold=LIMIT, remembered=0))
    reference = read_large(one.keep(json_of(200), OWNER))

    assert (await one.load([reference])).of(reference) == "x" * 198
    assert statements.count == 0


async def test_a_missing_content_is_said_and_not_guessed(statements: FakeStatements) -> None:
    reference = Reference.to(b'"gone"')

    loaded = await blobs(statements).load([reference])

    assert loaded.lacks(reference)
    assert loaded.of(reference) == {"$large_value": {"bytes": 6, "missing": True}}


def test_a_marker_says_how_large_it_is() -> None:
    assert marked(Reference.to(b'"12345"')) == {"$large_value": {"bytes": 7}}
    assert marked([1]) == [1]


@pytest.mark.parametrize("packable", [True, False])
async def test_only_what_gets_smaller_is_compressed(statements: FakeStatements, packable: bool) -> None:
    digests = "".join(Reference.to(str(number).encode()).digest for number in range(4000))
    text = json_of(200_000) if packable else json.dumps("".join(chr(0x4E00 + int(digests[i : i + 4], 16) % 20000) for i in range(0, len(digests), 4)), ensure_ascii=False)  # fmt: skip
    one = blobs(statements)
    reference = read_large(one.keep(text, OWNER))
    await one.flush()

    [(_, size, compressed, content)] = statements.contents.values()

    assert (size, compressed) == (len(text.encode()), packable)
    assert (len(content) < size / 100) is packable
    assert (await blobs(statements).load([reference])).of(reference) == json.loads(text)


def test_what_is_remembered_is_bounded_and_the_oldest_is_forgotten() -> None:
    known = LargeTexts(remembered=400)
    for digest in "abcde":
        known.remember(digest, digest * 100)
        known.find("a")
    known.remember("huge", "x" * 101)

    assert [known.find(digest) is not None for digest in ("a", "b", "c", "d", "e", "huge")] == [
        *(True, False, True, True, True),
        False,
    ]
