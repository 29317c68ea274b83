"""What the checks across nodes need to know of a definition, also where parts of it are wrong.

A node whose kind is wrong is still a node that edges and expressions may name; its ports are then unknown, and no
problem is made up about them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.definition.edges import MAX_EDGES, EdgeText
from engine.definition.report import INVALID, Report
from engine.definition.shapes import Record
from engine.model.base import JsonObject
from engine.model.node import ERROR, MAIN, TIMEOUT, Edge, NodeKind, OnError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The nodes by key in the order of the text, and the edges by their index in the text.

    ``records`` holds only the nodes of a known kind; a field that was wrong is missing from its record. ``after`` and
    ``before`` are the neighbours of each node, over edges whose both ends exist.
    """

    document: JsonObject
    record: Record
    keys: tuple[str, ...]
    records: Mapping[str, Record]
    edges: Mapping[int, Edge]
    after: Mapping[str, list[str]]
    before: Mapping[str, list[str]]

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
        if kind != NodeKind.SWITCH:
            return (MAIN, *error)
        cases = record.get("cases", ())
        written = self.document["nodes"][key].get("cases")
        if not isinstance(written, list) or len(cases) < len(written) or any("port" not in case for case in cases):
            return None
        return (*dict.fromkeys(case["port"] for case in cases), "default", *error)

    def starts(self) -> list[str]:
        """Return the nodes without an inbound edge."""
        return [key for key in self.keys if not self.before[key]]


def outline(document: JsonObject, record: Record) -> Outline:
    """Return the outline of a document, given what could be read of it."""
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
    return Outline(
        document=document,
        record=record,
        keys=keys,
        records=record.get("nodes", {}),
        edges=edges,
        after=after,
        before=before,
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
