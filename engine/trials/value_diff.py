"""What differs inside two JSON values, with the path of every difference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from engine.model.base import Json

MOST: Final = 20
"""How many differences of two values are told; whoever reads more of them compares the values."""

Kind: TypeAlias = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """One difference. ``path`` is as expressions write it (``items[2].price``), empty for the whole value.

    ``before`` is ``None`` for what was added, ``after`` for what was removed.
    """

    path: str
    kind: Kind
    before: Json = None
    after: Json = None


def value_changes(before: Json, after: Json, *, most: int = MOST) -> Sequence[ValueChange]:
    """Return at most ``most`` differences, in the order of the older value; lists are compared by position."""
    found = []
    for change in _between("", before, after):
        found.append(change)
        if len(found) == most:
            break
    return tuple(found)


def same(before: Json, after: Json) -> bool:
    """Whether two values are the same JSON: ``true`` is not ``1``, and ``1.0`` is ``1``."""
    return next(_between("", before, after), None) is None


def _between(path: str, before: Json, after: Json) -> Iterator[ValueChange]:
    """Walk both values with a stack of its own, so that depth costs no recursion."""
    stack = [(path, before, after)]
    while stack:
        at, old, new = stack.pop()
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _entries(at, old, new)
            stack += reversed([(_key(at, name), old[name], new[name]) for name in old if name in new])
        elif isinstance(old, list) and isinstance(new, list):
            yield from _tail(at, old, new)
            stack += reversed(
                [(f"{at}[{i}]", one, other) for i, (one, other) in enumerate(zip(old, new, strict=False))]
            )
        elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
            yield ValueChange(path=at, kind="changed", before=old, after=new)


def _entries(at: str, old: dict[str, Json], new: dict[str, Json]) -> Iterator[ValueChange]:
    for name, value in old.items():
        if name not in new:
            yield ValueChange(path=_key(at, name), kind="removed", before=value)
    for name, value in new.items():
        if name not in old:
            yield ValueChange(path=_key(at, name), kind="added", after=value)


def _tail(at: str, old: list[Json], new: list[Json]) -> Iterator[ValueChange]:
    for index in range(len(new), len(old)):
        yield ValueChange(path=f"{at}[{index}]", kind="removed", before=old[index])
    for index in range(len(old), len(new)):
        yield ValueChange(path=f"{at}[{index}]", kind="added", after=new[index])


def _key(at: str, name: str) -> str:
    plain = name.isidentifier()
    return (f"{at}.{name}" if at else name) if plain else f'{at}["{name}"]'
