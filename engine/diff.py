"""What differs between two definitions, change by change, with the place and a sentence that people understand.

Works on documents as they are stored, also on those of other releases. It finds a change that runs exactly where the
hashes differ; ``diff_texts`` writes the sentences.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from engine.definition.format import WORKFLOW
from engine.definition.hashing import FOR_PEOPLE, canonical
from engine.definition.places import nodes_on
from engine.definition.report import Path, place
from engine.diff_nodes import are_edges
from engine.diff_texts import RULES, sentence
from engine.diff_words import ABSENT, Difference
from engine.model.base import Json, JsonObject

_ORDER: Final = [each.name for each in WORKFLOW.fields]

Kind: TypeAlias = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. ``place`` is where it stands: in the newer document, or in the older one if it was removed.

    ``runs`` is false for what changes only texts or the layout.
    """

    place: str
    kind: Kind
    text: str
    runs: bool


def diff(before: JsonObject, after: JsonObject) -> list[Change]:
    """Return what changed from one document to another, in the order of their parts; nothing if they say the same.

    The order of keys does not count; that of edges and of lists does, because it decides what comes first.
    """
    old, new = canonical(before), canonical(after)
    return [
        Change(
            place=place(found.at),
            kind=_kind(found),
            text=sentence(found, old, new),
            runs=_runs(found.at),
        )
        for found in _between((), old, new)
    ]


def summary(changes: Sequence[Change]) -> str:
    """Say in a few words how much changed."""
    running = sum(change.runs for change in changes)
    if not changes:
        return "no changes"
    if not running:
        return "only layout or texts changed"
    return "1 change" if running == 1 else f"{running} changes"


def _kind(found: Difference) -> Kind:
    if found.before is ABSENT:
        return "added"
    return "removed" if found.after is ABSENT else "changed"


def _between(at: Path, old: Json, new: Json) -> Iterator[Difference]:
    if _same(old, new):
        return
    if are_edges(at) and (lists := _edge_lists(old, new)):
        yield from _in_edges(at, *lists)
    elif at == ("layout",) or old is ABSENT or new is ABSENT:
        yield Difference(at=at, before=old, after=new)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _in_mapping(at, old, new)
    elif _are_alike(old, new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _between((*at, index), one, other)
    else:
        yield Difference(at=at, before=old, after=new)


def _in_mapping(at: Path, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Difference]:
    names = [*old, *(name for name in new if name not in old)]
    if not at:
        names.sort(key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    if at[:1] == ("triggers",) and len(at) == 2 and old.get("type") == new.get("type") == "schedule":
        yield from _in_rule(at, old, new)
        names = [name for name in names if name not in RULES]
    for name in names:
        yield from _between((*at, name), old.get(name, ABSENT), new.get(name, ABSENT))


def _in_rule(at: Path, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Difference]:
    """A schedule has one rule, whatever its field is called, so that another one is one change."""
    before, after = ({name: each[name] for name in RULES if name in each} for each in (old, new))
    if not _same(before, after):
        name = next(iter(after or before), RULES[0])
        yield Difference(at=(*at, name), before=before or ABSENT, after=after or ABSENT)


def _edge_lists(old: Json, new: Json) -> tuple[list[Json], list[Json]] | None:
    """Both sides as lists, where one has edges and the other a list or nothing."""
    before, after = ([] if side is ABSENT else side for side in (old, new))
    if isinstance(before, list) and isinstance(after, list) and (before or after):
        return before, after
    return None


def _in_edges(at: Path, old: Sequence[Json], new: Sequence[Json]) -> Iterator[Difference]:
    """Edges have no keys: they are compared as a set, and then those that stayed by their order."""
    before, after = [_text(edge) for edge in old], [_text(edge) for edge in new]
    stayed = Counter(before) & Counter(after)
    kept = [_stay(each, stayed) for each in (before, after)]
    for index in _left(before, kept[0]):
        yield Difference(at=(*at, index), before=old[index], after=ABSENT)
    for index in _left(after, kept[1]):
        yield Difference(at=(*at, index), before=ABSENT, after=new[index])
    order = [[each[index] for index in indices] for each, indices in zip((before, after), kept, strict=True)]
    if order[0] != order[1]:
        yield Difference(at=at, before=old, after=new)


def _stay(edges: Sequence[str], stayed: Counter[str]) -> list[int]:
    left = stayed.copy()
    kept = []
    for index, edge in enumerate(edges):
        if left[edge]:
            left[edge] -= 1
            kept.append(index)
    return kept


def _left(edges: Sequence[str], kept: Sequence[int]) -> list[int]:
    return sorted(set(range(len(edges))) - set(kept))


def _are_alike(old: Json, new: Json) -> bool:
    """Whether two lists have an entry for each other's, all of them mappings, so that entries can be compared."""
    lists = isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    return lists and all(isinstance(entry, dict) for entry in (*old, *new))


def _same(old: Json, new: Json) -> bool:
    """Compare as the hash does: 1, 1.0 and true are three values."""
    return old is new or (old is not ABSENT and new is not ABSENT and _text(old) == _text(new))


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True)


def _runs(at: Path) -> bool:
    nodes = nodes_on(at)
    of_node = at[len(nodes[-1].at) :] if nodes else ()
    return not any(part in FOR_PEOPLE for part in (*at[:1], *of_node[:1]))
