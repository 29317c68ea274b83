"""Edges as people write them: ``source.port -> target``, or a mapping with ``from`` and ``to``."""

import re
from dataclasses import dataclass
from typing import Any, Final

from engine.definition.report import INVALID, Path, Report, describe, nearest, shorten
from engine.model.base import Json, JsonObject
from engine.model.node import MAIN, Edge

MAX_EDGES: Final = 10_000
_ARROW: Final = re.compile(r"\s*([^\s.>-]+)(?:\.([^\s.>-]+))?\s*->\s*([^\s.>-]+)\s*")
_END: Final = re.compile(r"([^\s.]+)(?:\.([^\s.]+))?")
_FIX: Final = 'write "source -> target" or "source.port -> target"'


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeText:
    """The type of an entry of ``edges``; whether its nodes exist is asked later."""

    label: str = "edges"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, dict):
            return _read_mapping(value, at, report)
        if not isinstance(value, str):
            return report.wrong(at, f"an edge must be a text, not {describe(value)}", fix=_FIX)
        found = _ARROW.fullmatch(value)
        if found is None:
            return report.wrong(at, f'"{shorten(value)}" is not an edge', fix=_FIX)
        return Edge(source=found[1], port=found[2] or MAIN, target=found[3])

    def schema(self) -> JsonObject:
        ends = {"from": {"type": "string", "minLength": 1}, "to": {"type": "string", "minLength": 1}}
        mapping = {"type": "object", "properties": ends, "required": ["from", "to"], "additionalProperties": False}
        return {"anyOf": [{"type": "string", "pattern": f"^{_ARROW.pattern}$"}, mapping]}


def write_edge(edge: Edge) -> str:
    """Write an edge in the canonical form; the port ``main`` is left out."""
    return f"{edge.source} -> {edge.target}" if edge.port == MAIN else f"{edge.source}.{edge.port} -> {edge.target}"


def canonical_edges(edges: Json) -> Json:
    """Return edges in the canonical form, those that are none as they are."""
    if not isinstance(edges, list):
        return edges
    read = [(EdgeText().read(entry, (), Report()), entry) for entry in edges]
    return [entry if edge is INVALID else write_edge(edge) for edge, entry in read]


def _read_mapping(value: JsonObject, at: Path, report: Report) -> Any:
    before = len(report.findings)
    for name in value:
        if name not in ("from", "to"):
            text = f'"{shorten(name)}" is not a field of an edge'
            report.wrong((*at, name), text, fix=nearest(name, ("from", "to")), key=True)
    for name in ("from", "to"):
        if name not in value:
            report.wrong((*at, name), f'"{name}" is missing', fix='an edge is {from: "source.port", to: "target"}')
        elif not _is_end(value[name], port_allowed=name == "from"):
            form = "source or source.port" if name == "from" else "the key of a node"
            report.wrong((*at, name), f"{describe(value[name])} is not {form}")
    if len(report.findings) > before:
        return INVALID
    source, _, port = value["from"].partition(".")
    return Edge(source=source, port=port or MAIN, target=value["to"])


def _is_end(value: Json, *, port_allowed: bool) -> bool:
    found = _END.fullmatch(value) if isinstance(value, str) else None
    return found is not None and (port_allowed or not found[2])
