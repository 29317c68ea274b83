"""What the checks across nodes need to know of a definition, also where parts of it are wrong.

A node whose kind is wrong is still a node that edges and expressions may name; its ports are then unknown, and no
problem is made up about them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.cycles import Cycles, find_cycles
from engine.definition.edges import MAX_EDGES, EdgeText
from engine.definition.report import INVALID, Path, Report
from engine.definition.shapes import Record
from engine.model.base import JsonObject
from engine.model.node import ERROR, MAIN, TIMEOUT, Edge, NodeKind, OnError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The nodes by key in the order of the text, and the edges by their index in the text.

    It is about one flow: the workflow's own, or a body that lies at ``at`` in the document, of which ``document`` and
    ``record`` are that part. ``records`` holds only the nodes of a known kind; a field that was wrong is missing from
    its record. ``after`` and ``before`` are the neighbours of each node, over edges whose both ends exist; ``cycles``
    are those of such edges, which ``cycle_edges`` maps back to their index in the text.
    """

    at: Path
    document: JsonObject
    record: Record
    keys: tuple[str, ...]
    records: Mapping[str, Record]
    edges: Mapping[int, Edge]
    after: Mapping[str, list[str]]
    before: Mapping[str, list[str]]
    cycles: Cycles
    cycle_edges: tuple[int, ...]

    def ports(self, key: str) -> tuple[str, ...] | None:
        """Return the ports a node leaves by, ``None`` where something wrong with it leaves that open."""
        record = self.records.get(key)
        if record is None or "on_error" not in record:
            return None
        kind = record["type"]
        error = (ERROR,) if record["on_error"] == OnError.ROUTE else ()
        if kind == NodeKind.STOP:
            return ()
        if kind == NodeKind.CONDITION:
            return ("true", "false", *error)
        if kind == NodeKind.WAIT:
            return (MAIN, TIMEOUT, *error)
        if kind == NodeKind.APPROVAL:
            return ("approved", "rejected", TIMEOUT, *error)
        if kind != NodeKind.SWITCH:
            return (MAIN, *error)
        cases = record.get("cases", ())
        written = self.document["nodes"][key].get("cases")
        if not isinstance(written, list) or len(cases) < len(written) or any("port" not in case for case in cases):
            return None
        return (*dict.fromkeys(case["port"] for case in cases), "default", *error)

    def starts(self) -> list[str]:
        """Return the nodes without an inbound edge, edges that close a cycle left aside."""
        closing = {self.cycle_edges[number] for number in self.cycles.closing}
        entered = {self.edges[index].target for index in self.cycle_edges if index not in closing}
        return [key for key in self.keys if key not in entered]


def outlines(document: JsonObject, record: Record) -> dict[Path, Outline]:
    """Return the outline of every flow of a document by its path, the outermost first."""
    found: dict[Path, Outline] = {}
    todo: list[tuple[Path, JsonObject, Record]] = [((), document, record)]
    if isinstance(record.get("finally"), dict):
        todo.append((("finally",), document["finally"], record["finally"]))
    while todo:
        at, part, read = todo.pop(0)
        found[at] = outline(part, read, at)
        for key, node in read.get("nodes", {}).items():
            written, place = part["nodes"][key], (*at, "nodes", key)
            if isinstance(node.get("body"), dict) and node["type"] == NodeKind.LOOP:
                todo.append(((*place, "body"), written["body"], node["body"]))
            if isinstance(node.get("branches"), dict) and node["type"] == NodeKind.PARALLEL:
                for name, body in node["branches"].items():
                    todo.append(((*place, "branches", name), written["branches"][name], body))
    return found


def outline(document: JsonObject, record: Record, at: Path = ()) -> Outline:
    """Return the outline of one flow, given what could be read of it."""
    nodes = document.get("nodes")
    keys = tuple(nodes) if isinstance(nodes, dict) else ()
    written = document.get("edges")
    listed = written[:MAX_EDGES] if isinstance(written, list) else []
    read = enumerate(EdgeText().read(edge, (), Report()) for edge in listed)
    edges: dict[int, Edge] = {index: edge for index, edge in read if edge is not INVALID}
    after: dict[str, list[str]] = {key: [] for key in keys}
    before: dict[str, list[str]] = {key: [] for key in keys}
    for edge in edges.values():
        if edge.source in after and edge.target in before:
            after[edge.source].append(edge.target)
            before[edge.target].append(edge.source)
    known = {index: edge for index, edge in edges.items() if edge.source in after and edge.target in before}
    return Outline(
        at=at,
        document=document,
        record=record,
        keys=keys,
        records=record.get("nodes", {}),
        edges=edges,
        after=after,
        before=before,
        cycles=find_cycles(keys, tuple(known.values())),
        cycle_edges=tuple(known),
    )


def reached(start: Iterable[str], arrows: Mapping[str, Iterable[str]]) -> set[str]:
    """Return ``start`` and everything that the arrows lead to from there."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        key = todo.pop()
        if key not in found:
            found.add(key)
            todo += arrows.get(key, ())
    return found
