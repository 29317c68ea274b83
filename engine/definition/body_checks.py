"""Checks of cycles, which must have a way out, and of bodies, whose keys must not hide those around them."""

from collections.abc import Mapping

from engine.definition.outline import Outline, reached
from engine.definition.places import nodes_on
from engine.definition.report import Path, Report
from engine.definition.shapes import Record
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
            if "spread_over" in record and record["type"] == NodeKind.LOOP:
                _check_spread(graphs, (*at, "nodes", key), record, report=report)


def _check_spread(graphs: Mapping[Path, Outline], loop: Path, record: Record, *, report: Report) -> None:
    """Report what cannot work in another execution than the loop's own."""
    if record.get("wait_for", "all") != "all":
        text = "the parts of a loop that is spread are all waited for"
        report.wrong((*loop, "wait_for"), text, fix="leave wait_for or spread_over out")
    if "while" in record:
        report.wrong((*loop, "spread_over"), "each round of a while loop depends on the one before", fix="use over")
    for at, graph in graphs.items():
        if at[: len(loop)] != loop:
            continue
        for key, inner in graph.records.items():
            what = _bound_to_its_execution(inner)
            if what is not None:
                text = f"{what} has no effect on the execution whose loop is spread"
                report.wrong((*at, "nodes", key), text, fix="leave spread_over out, or do it after the loop", key=True)


def _bound_to_its_execution(record: Record) -> str | None:
    if record["type"] in (NodeKind.STOP, NodeKind.RESPOND):
        return f"a {record['type']} node"
    return next((name for name in ("assign", "undo") if record.get(name)), None)


def _check_wait_for(graph: Outline, key: str, wait_for: object, *, report: Report) -> None:
    branches = graph.document["nodes"][key].get("branches")
    if isinstance(wait_for, dict) and isinstance(branches, dict) and wait_for.get("count", 0) > len(branches):
        text = f'"{key}" has {len(branches)} branches, so {wait_for["count"]} can never succeed'
        report.wrong((*graph.at, "nodes", key, "wait_for", "count"), text)
