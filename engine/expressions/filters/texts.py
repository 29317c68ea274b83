"""Filters for texts."""

from engine.errors import ExpressionError
from engine.expressions.bounds import MAX_TEXT, Budget
from engine.expressions.filters.arguments import items, text, whole
from engine.expressions.filters.table import Table
from engine.expressions.values import to_text
from engine.model.base import Json

TABLE = Table("Texts")
_CASE = 24  # units for one character: CPython maps it through three characters of four bytes
_SPACE = " "


@TABLE.add("Write every letter small.", ("'Ada' | lower", "ada"))
def lower(budget: Budget, value: Json) -> Json:
    _pay_for_case(budget, text(value, "lower"))
    return value.lower()


@TABLE.add("Write every letter large.", ("'Ada' | upper", "ADA"))
def upper(budget: Budget, value: Json) -> Json:
    _pay_for_case(budget, text(value, "upper"))
    return value.upper()


@TABLE.add(
    "Write the first letter of each word large and the others small.", ("'ada LOVELACE' | title", "Ada Lovelace")
)
def title(budget: Budget, value: Json) -> Json:
    _pay_for_case(budget, text(value, "title"))
    return value.title()


@TABLE.add("Write the first letter large and the others small.", ("'ada LOVELACE' | capitalize", "Ada lovelace"))
def capitalize(budget: Budget, value: Json) -> Json:
    _pay_for_case(budget, text(value, "capitalize"))
    return value.capitalize()


@TABLE.add(
    "Cut white space, or the given characters, off both ends.",
    ("'  a b ' | trim", "a b"),
    ("'--a--' | trim('-')", "a"),
)
def trim(budget: Budget, value: Json, characters: Json = None) -> Json:
    known = text(value, "trim")
    if characters is None:
        budget.make_text(min(len(known), MAX_TEXT))
        return known.strip()
    if len(text(characters, "trim")) > 100:
        raise ExpressionError("trim takes at most 100 characters to cut off")
    budget.spend(len(known) * (len(characters) + 4))
    return known.strip(characters)


@TABLE.add(
    "Replace `old` by `new`, everywhere or only the first `count` times.",
    ("'a-b-c' | replace('-', '+')", "a+b+c"),
    ("'a-b-c' | replace('-', '+', count=1)", "a+b-c"),
)
def replace(budget: Budget, value: Json, old: Json, new: Json, *, count: Json = None) -> Json:
    known, old, new = text(value, "replace"), text(old, "replace"), text(to_text(budget, new), "replace")
    if not old:
        raise ExpressionError("replace needs a text to look for that is not empty")
    limit = -1 if count is None else whole(count, "replace", low=0)
    budget.search(len(known), len(old))
    found = known.count(old) if limit < 0 else min(limit, known.count(old))
    budget.spend(40 * found)
    budget.make_text(len(known) + found * (len(new) - len(old)))
    budget.search(len(known), len(old))
    return known.replace(old, new, limit)


@TABLE.add(
    "Split at each separator; without one, at white space, leaving out empty parts.",
    ("'a,b,,c' | split(',')", ["a", "b", "", "c"]),
    ("' a  b ' | split", ["a", "b"]),
    ("'a b c' | split(' ', 1)", ["a", "b c"]),
)
def split(budget: Budget, value: Json, separator: Json = None, limit: Json = None) -> Json:
    known = text(value, "split")
    most = -1 if limit is None else whole(limit, "split", low=0)
    if separator is None:
        budget.spend(4 * len(known))
        parts = len(known) // 2 + 1 if most < 0 else min(most, len(known) // 2) + 1
        budget.make_items(min(parts, 100_000), each=80)
        cut = known.split(None, most)
        budget.make_items(len(cut), each=0)
        return cut
    if not text(separator, "split"):
        raise ExpressionError("split needs a separator that is not empty")
    budget.search(2 * len(known), len(separator))
    found = known.count(separator)
    budget.make_items((found if most < 0 else min(most, found)) + 1, each=110)
    budget.spend(4 * len(known))
    return known.split(separator, most)


@TABLE.add("Split into lines.", ("'a\\nb\\n' | lines", ["a", "b"]))
def lines(budget: Budget, value: Json) -> Json:
    known = text(value, "lines")
    budget.spend(8 * len(known))
    most = known.count("\n") + known.count("\r") + sum(known.count(mark) for mark in _OTHER_LINE_ENDS)
    budget.make_items(most + 1, each=110)
    return known.splitlines()


@TABLE.add(
    "Put the items of a list together as one text, with a separator between them.",
    ("['a', 1, null] | join(', ')", "a, 1, "),
    ("['a', 'b'] | join", "ab"),
)
def join(budget: Budget, value: Json, separator: Json = "") -> Json:
    known, between = items(value, "join"), text(separator, "join")
    budget.make_items(len(known), each=250)
    parts, total = [], len(between) * max(0, len(known) - 1)
    for item in known:
        part = to_text(budget, item)
        total += len(part)
        if total > MAX_TEXT:
            break
        parts.append(part)
    budget.make_text(total)
    return between.join(parts)


@TABLE.add(
    "Shorten to at most `length` characters, the `ending` included.",
    ("'a long story' | truncate(7)", "a long…"),
    ("'short' | truncate(7)", "short"),
)
def truncate(budget: Budget, value: Json, length: Json, ending: Json = "…") -> Json:
    known, most, end = text(value, "truncate"), whole(length, "truncate", low=0), text(ending, "truncate")
    if len(known) <= most:
        return known
    budget.make_text(most)
    return known[: max(0, most - len(end))].rstrip() + end[:most]


@TABLE.add("Fill up on the left until the text has `width` characters.", ("7 | pad_left(3, '0')", "007"))
def pad_left(budget: Budget, value: Json, width: Json, fill: Json = _SPACE) -> Json:
    known = text(to_text(budget, value), "pad_left")
    return _fill(budget, fill, whole(width, "pad_left"), known) + known


@TABLE.add("Fill up on the right until the text has `width` characters.", ("'a' | pad_right(3, '.')", "a.."))
def pad_right(budget: Budget, value: Json, width: Json, fill: Json = _SPACE) -> Json:
    known = text(to_text(budget, value), "pad_right")
    return known + _fill(budget, fill, whole(width, "pad_right"), known)


@TABLE.add("Cut off a text at the start, if it is there.", ("'re: hello' | remove_prefix('re: ')", "hello"))
def remove_prefix(budget: Budget, value: Json, prefix: Json) -> Json:
    budget.make_text(min(len(text(value, "remove_prefix")), MAX_TEXT))
    return value.removeprefix(text(prefix, "remove_prefix"))


@TABLE.add("Cut off a text at the end, if it is there.", ("'a.txt' | remove_suffix('.txt')", "a"))
def remove_suffix(budget: Budget, value: Json, suffix: Json) -> Json:
    budget.make_text(min(len(text(value, "remove_suffix")), MAX_TEXT))
    return value.removesuffix(text(suffix, "remove_suffix"))


@TABLE.add("Tell where a text first occurs, from 0; -1 if it does not.", ("'hello' | index_of('l')", 2))
def index_of(budget: Budget, value: Json, part: Json) -> Json:
    budget.search(len(text(value, "index_of")), len(text(part, "index_of")))
    return value.find(part)


def _fill(budget: Budget, fill: Json, width: int, known: str) -> str:
    if len(text(fill, "padding")) != 1:
        raise ExpressionError("padding needs one character to fill up with")
    if width <= len(known):
        return ""
    budget.make_text(width)
    budget.make_text(width - len(known))
    return str(fill) * (width - len(known))


def _pay_for_case(budget: Budget, value: str) -> None:
    budget.make_text(len(value))
    budget.spend(_CASE * len(value))


_OTHER_LINE_ENDS = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
