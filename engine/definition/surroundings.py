"""What the expressions of a node may name: the steps before it and around it, and the names that loops give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.definition.outline import Outline, reached
from engine.definition.places import NodePlace, nodes_on
from engine.definition.report import Path
from engine.definition.shapes import Record
from engine.list_steps import GROUP_NAMES
from engine.model.node import NodeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known at the node ``key``.

    ``names`` are known beyond the usual ones. ``visible`` are the steps of its flow and of those around it, ``earlier``
    those of them that may have run before it. ``within`` gives the steps inside other nodes by the node's key.
    """

    key: str
    names: frozenset[str]
    visible: Sequence[str]
    earlier: frozenset[str]
    variables: Sequence[str]
    within: Mapping[str, Sequence[str]]
    record: Record

    def at_field(self, field: Path) -> "Surroundings":
        """Return what is known in one field of the node."""
        match field:
            case ("assign", *_):
                return replace(self, earlier=self.earlier | {self.key})
            case ("undo", *_):
                return replace(self, earlier=frozenset(self.visible), names=self.names | {"output"})
            case ("steps", _, "aggregate", *_):
                return replace(self, names=self.names | GROUP_NAMES)
            case ("steps", _, "filter" | "sort" | "unique" | "group" | "split" | "on" | "to"):
                return replace(self, names=self.names | {"item", "index"})
            case ("while",):
                return replace(self, names=self.names | _loop_names(self.record))
            case _:
                return self

    def hint(self, name: str) -> str | None:
        """Say where a step is that cannot be seen from here."""
        owner = next((key for key, inner in self.within.items() if name in inner), None)
        return f'it is inside "{owner}", whose results are steps.{owner}' if owner else None


def surroundings(graphs: Mapping[Path, Outline], nodes: Sequence[NodePlace]) -> Surroundings:
    """Return what is known at the last of these nodes, each of which lies inside the one before."""
    root = graphs[()]
    names: set[str] = set()
    visible: list[str] = []
    earlier: set[str] = set()
    if nodes[0].flow == ("finally",):
        names.add("outcome")
        visible += root.keys
        earlier |= set(root.keys)
    for place in nodes:
        graph = graphs.get(place.flow)
        if graph is None:
            break
        visible += graph.keys
        earlier |= reached(graph.before.get(place.key, ()), graph.before)
        if place is not nodes[-1]:
            names |= _loop_names(graph.records.get(place.key, {}))
    inner = graphs.get(nodes[-1].flow)
    return Surroundings(
        key=nodes[-1].key,
        names=frozenset(names),
        visible=visible,
        earlier=frozenset(earlier),
        variables=variables(root),
        within={nodes_on(at)[-1].key: graph.keys for at, graph in graphs.items() if nodes_on(at)},
        record=inner.records.get(nodes[-1].key, {}) if inner else {},
    )


def variables(root: Outline) -> list[str]:
    """Return the variables that a workflow declares."""
    written = root.document.get("variables")
    return list(written) if isinstance(written, dict) else []


def _loop_names(record: Record) -> set[str]:
    if record.get("type") != NodeKind.LOOP:
        return set()
    alias = record.get("as")
    return {"item", "index", alias} if isinstance(alias, str) else {"item", "index"}
