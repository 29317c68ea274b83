"""Checks of cycles, which must have a way out, and of bodies, whose keys must not hide those around them."""

from collections.abc import Mapping

from engine.definition.outline import Outline, reached
from engine.definition.places import nodes_on
from engine.definition.report import Path, Report
from engine.model.node import NodeKind

_CHOOSING = frozenset({NodeKind.CONDITION, NodeKind.SWITCH})


def check_cycles(graph: Outline, report: Report) -> None:
    """Report the cycles that nothing can end: each needs a condition or switch that can also lead out of it."""
    for members in graph.cycles.regions:
        inside = {key: [t for t in graph.after[key] if t in members] for key in members}
        choosing = {key for key in members if _chooses(graph, key, members)}
        plain = {key: [t for t in targets if t not in choosing] for key, targets in inside.items()}
        begin = next((k for k in graph.keys if k in members - choosing and k in reached(plain[k], plain)), None)
        if begin is not None:
            walk = _cycle(begin, plain)
            closing = next(i for i, e in graph.edges.items() if (e.source, e.target) == (walk[-1], begin))
            text = f"this edge closes the cycle {' -> '.join([*walk, begin])}, which nothing can end"
            fix = "let the cycle go through a port of a condition or switch that has another way out"
            report.wrong((*graph.at, "edges", closing), text, fix=fix)


def _chooses(graph: Outline, key: str, members: frozenset[str]) -> bool:
    """Whether a node can lead out of a cycle; a node that is wrong in itself is not blamed for that, too."""
    record = graph.records.get(key)
    if record is None:
        return True
    if record["type"] not in _CHOOSING:
        return False
    ports = graph.ports(key)
    back = {edge.port for edge in graph.edges.values() if edge.source == key and edge.target in members}
    return ports is None or any(port not in back for port in ports)


def _cycle(begin: str, after: Mapping[str, list[str]]) -> list[str]:
    """The shortest way from a node back to itself."""
    ways = [[begin]]
    while True:
        way = ways.pop(0)
        if begin in after[way[-1]]:
            return way
        ways += [[*way, following] for following in after[way[-1]] if following not in way]


def check_bodies(graphs: Mapping[Path, Outline], report: Report) -> None:
    """Report keys and names inside a body that hide those around it, and counts that can never be reached."""
    for at, graph in graphs.items():
        around = nodes_on((*at, "nodes", ""))[:-1]
        hidden = {key for each in around for key in graphs[each.flow].keys}
        if at[:1] == ("finally",):
            hidden |= set(graphs[()].keys)
        for key in graph.keys:
            if key in hidden:
                text = f'"{key}" is the key of a node around this one, too'
                report.wrong((*at, "nodes", key), text, fix="choose another key", key=True)
        for key, record in graph.records.items():
            _check_wait_for(graph, key, record.get("wait_for"), report=report)


def _check_wait_for(graph: Outline, key: str, wait_for: object, *, report: Report) -> None:
    branches = graph.document["nodes"][key].get("branches")
    if isinstance(wait_for, dict) and isinstance(branches, dict) and wait_for.get("count", 0) > len(branches):
        text = f'"{key}" has {len(branches)} branches, so {wait_for["count"]} can never succeed'
        report.wrong((*graph.at, "nodes", key, "wait_for", "count"), text)
