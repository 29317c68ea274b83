"""Checks across nodes: edges lead from a port that exists to a node that exists, and every node can run."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from engine.definition.body_checks import check_bodies, check_cycles
from engine.definition.loop_checks import check_loops
from engine.definition.outline import Outline, reached
from engine.definition.report import Path, Report, nearest, place
from engine.model.node import ERROR, Edge, NodeKind, OnError
from engine.model.workflow import RespondWhen
from engine.value_schemas import ValueSchema

_WITHOUT_MAIN: Final = frozenset({NodeKind.CONDITION, NodeKind.SWITCH, NodeKind.APPROVAL, NodeKind.STOP})
"""Kinds without ``main``, by which a node goes on after ``on_error: continue``, and where it does not run."""


def check_graphs(graphs: Mapping[Path, Outline], report: Report) -> None:
    """Report every problem of edges, joins, error routes, cycles, start nodes and reachability, in every flow."""
    for graph in graphs.values():
        _check_graph(graph, report)
    _check_start(graphs[()], report)
    _check_respond(graphs, report)
    check_bodies(graphs, report)
    check_loops(graphs, report)


def _check_graph(graph: Outline, report: Report) -> None:
    first: dict[Edge, int] = {}
    for index, edge in graph.edges.items():
        _check_edge(graph, index, edge, report=report)
        if first.setdefault(edge, index) != index:
            same = place((*graph.at, "edges", first[edge]))
            report.wrong(
                (*graph.at, "edges", index), f"this edge stands here twice, the first is {same}", fix="remove one"
            )
    _check_errors(graph, report)
    _check_bypasses(graph, report)
    _check_joins(graph, report)
    _check_reachable(graph, report)
    check_cycles(graph, report)


def _check_edge(graph: Outline, index: int, edge: Edge, *, report: Report) -> None:
    at = (*graph.at, "edges", index)
    for key in dict.fromkeys((edge.source, edge.target)):
        if key not in graph.before:
            report.wrong(at, f'there is no node "{key}"', fix=nearest(key, graph.keys))
    if edge.source not in graph.before:
        return
    ports = graph.ports(edge.source)
    if ports is None or edge.port in ports:
        return
    kind = graph.records[edge.source]["type"]
    if not ports:
        report.wrong(at, f'"{edge.source}" is a {kind} node, which nothing follows', fix="remove the edge")
    elif edge.port == ERROR:
        fix = f"write on_error: route at {place((*graph.at, 'nodes', edge.source))}"
        report.wrong(at, f'"{edge.source}" leaves by "error" only where it says on_error: route', fix=fix)
    else:
        known = ", ".join(f"{edge.source}.{port}" for port in ports)
        close = nearest(edge.port, ports) if edge.port != "main" else None
        fix = close if close and close.startswith("did") else f"known: {known}"
        report.wrong(at, f'the {kind} node "{edge.source}" has no port "{edge.port}"', fix=fix)


def _check_errors(graph: Outline, report: Report) -> None:
    routed = {edge.source for edge in graph.edges.values() if edge.port == ERROR}
    for key, record in graph.records.items():
        policy, kind = record.get("on_error"), record["type"]
        at = (*graph.at, "nodes", key, "on_error")
        if policy == OnError.CONTINUE and kind in _WITHOUT_MAIN:
            report.wrong(at, f'a {kind} node cannot continue after an error, it has no port "main"', fix="write route")
        elif policy == OnError.ROUTE and kind == NodeKind.STOP:
            report.wrong(at, "a stop node has no ports", fix="leave on_error out")
        elif policy == OnError.ROUTE and key not in routed:
            text = "on_error: route needs an edge from the port error"
            report.wrong(at, text, fix=f'add "{key}.error -> …" to edges')


def _check_bypasses(graph: Outline, report: Report) -> None:
    """Report nodes that are not to run and would then have no port to go on by, and pins that do not fit."""
    for key, record in graph.records.items():
        if "pin" in record and "output_schema" in record:
            problem = ValueSchema(record["output_schema"]).problem(record["pin"], "pin")
            if problem is not None:
                report.wrong((*graph.at, "nodes", key, "pin"), f"does not satisfy the node's output_schema: {problem}")
        if record["type"] not in _WITHOUT_MAIN:
            continue
        text = f'a {record["type"]} node cannot be {{}}, it has no port "main"'
        if record.get("disabled"):
            fix = "write if: true or if: false" if record["type"] == NodeKind.CONDITION else "lead the edges past it"
            report.wrong((*graph.at, "nodes", key, "disabled"), text.format("disabled"), fix=fix)
        if "pin" in record:
            report.wrong((*graph.at, "nodes", key, "pin"), text.format("pinned"), fix="pin the node before it")


def _check_joins(graph: Outline, report: Report) -> None:
    closing = {graph.cycle_edges[number] for number in graph.cycles.closing}
    inbound = Counter(edge.target for index, edge in graph.edges.items() if index not in closing)
    for key, record in graph.records.items():
        if "join" not in graph.document["nodes"][key] or "join" not in record:
            continue
        at, count = (*graph.at, "nodes", key, "join"), inbound[key]
        edges = f"{count} inbound edge{'s' * (count != 1)}"
        join = record["join"]
        if count < 2:
            report.wrong(at, f'"{key}" has {edges}, so there is nothing to join', fix="leave join out")
        elif isinstance(join, dict) and join.get("count", 0) > count:
            report.wrong((*at, "count"), f'"{key}" has {edges}, so {join["count"]} can never arrive')


def _check_start(graph: Outline, report: Report) -> None:
    triggers = graph.document.get("triggers")
    known = list(triggers) if isinstance(triggers, dict) else []
    written = graph.document.get("start")
    for trigger, nodes in (written if isinstance(written, dict) else {}).items():
        if trigger not in known:
            fix = nearest(trigger, known)
            report.wrong(("start", trigger), f'there is no trigger "{trigger}"', fix=fix, key=True)
        for index, key in enumerate(nodes if isinstance(nodes, list) else []):
            if isinstance(key, str) and key not in graph.before:
                report.wrong(("start", trigger, index), f'there is no node "{key}"', fix=nearest(key, graph.keys))


def _check_reachable(graph: Outline, report: Report) -> None:
    starts = set(graph.starts())
    triggers, narrowed = graph.document.get("triggers"), graph.record.get("start", {})
    if not graph.at and isinstance(triggers, dict) and triggers and all(narrowed.get(key) for key in triggers):
        starts = {key for nodes in narrowed.values() for key in nodes}
    found = reached(starts, graph.after)
    for key in graph.keys:
        if key not in found:
            report.wrong(
                (*graph.at, "nodes", key), f'no trigger ever reaches "{key}"', fix="name it in start", key=True
            )


def _check_respond(graphs: Mapping[Path, Outline], report: Report) -> None:
    if any(record["type"] == NodeKind.RESPOND for graph in graphs.values() for record in graph.records.values()):
        return
    for key, record in graphs[()].record.get("triggers", {}).items():
        respond = record.get("respond")
        when = respond.get("when") if isinstance(respond, dict) else respond
        if when == RespondWhen.NODE:
            text = "the answer is to come from a respond node, and there is none"
            report.wrong(("triggers", key, "respond"), text, fix="add a node of type respond")
