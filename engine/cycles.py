"""Where the cycles of a flow are: the edges that close them, and the regions that are over only when they stand still.

Without its closing edges a flow has no cycle. A node inside a region may run again, so what leaves the region dead in
one pass may leave it live in the next: such news is held back until nothing in the region can go on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.model.node import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycles:
    """The cycles of one flow; edges are named by their index.

    ``closing`` are the edges that lead back. ``regions`` are the sets of nodes on cycles, each before those around it,
    ``around`` the regions a node lies in, from the innermost outwards. ``exits`` gives the regions that an edge leaves,
    in the same order, ``entries`` the edges into each region from outside.
    """

    closing: frozenset[int] = frozenset()
    regions: tuple[frozenset[str], ...] = ()
    around: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    exits: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    entries: tuple[frozenset[int], ...] = ()


NONE = Cycles()


def find_cycles(keys: Sequence[str], edges: Sequence[Edge]) -> Cycles:
    """Return the cycles of a flow. They depend on the order of the edges, not on that of the nodes."""
    closing: set[int] = set()
    regions: list[frozenset[str]] = []
    todo = [frozenset(keys)]
    while todo:
        part = todo.pop()
        ahead = [index for index in range(len(edges)) if index not in closing]
        inner = [index for index in ahead if edges[index].source in part and edges[index].target in part]
        for members in _components(keys, part, edges, inner):
            within = [index for index in inner if edges[index].source in members and edges[index].target in members]
            if not within:
                continue
            head = _head(members, edges, within)
            closing.update(index for index in within if edges[index].target == head)
            regions.append(members)
            todo.append(members)  # the head is on no cycle any more, so the next ones are smaller
    if not regions:
        return NONE
    regions.sort(key=len)  # a region inside another has fewer nodes
    around = {key: tuple(n for n, region in enumerate(regions) if key in region) for key in keys}
    left = {
        index: tuple(region for region in around[edge.source] if edge.target not in regions[region])
        for index, edge in enumerate(edges)
    }
    return Cycles(
        closing=frozenset(closing),
        regions=tuple(regions),
        around={key: inside for key, inside in around.items() if inside},
        exits={index: exits for index, exits in left.items() if exits},
        entries=tuple(_entries(region, edges) for region in regions),
    )


def _entries(region: frozenset[str], edges: Sequence[Edge]) -> frozenset[int]:
    return frozenset(i for i, edge in enumerate(edges) if edge.target in region and edge.source not in region)


def _head(members: frozenset[str], edges: Sequence[Edge], within: Sequence[int]) -> str:
    """The node by which a cycle is entered: by the first edge from outside, else where its own first edge begins."""
    inside = set(within)
    entered = (edge.target for index, edge in enumerate(edges) if index not in inside and edge.target in members)
    return next(entered, edges[within[0]].source)


def _components(
    keys: Sequence[str], nodes: frozenset[str], edges: Sequence[Edge], inner: Iterable[int]
) -> list[frozenset[str]]:
    """The sets of nodes that lead to one another (Tarjan's algorithm, without recursion)."""
    after: dict[str, list[str]] = {key: [] for key in nodes}
    for index in inner:
        after[edges[index].source].append(edges[index].target)
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    waiting: set[str] = set()
    found: list[frozenset[str]] = []
    for root in (key for key in keys if key in nodes):
        walk = [(root, iter(after[root]))] if root not in number else []
        while walk:
            key, targets = walk[-1]
            if key not in number:
                number[key] = low[key] = len(number)
                stack.append(key)
                waiting.add(key)
            following = next((t for t in targets if t not in number or t in waiting), None)
            if following is not None and following not in number:
                walk.append((following, iter(after[following])))
                continue
            if following is not None:
                low[key] = min(low[key], number[following])
                continue
            walk.pop()
            if walk:
                low[walk[-1][0]] = min(low[walk[-1][0]], low[key])
            if low[key] == number[key]:
                cut = stack.index(key)
                found.append(frozenset(stack[cut:]))
                waiting -= found[-1]
                del stack[cut:]
    return found
