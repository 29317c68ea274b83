"""All nodes of a compiled version by their places: those inside others, those that take back, and those of the end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.flow import CompiledNode, Flow
from engine.graph import Graph


@dataclass(frozen=True, slots=True)
class Placed:
    """A node with the flow that it stands in."""

    node: CompiledNode
    flow: Flow


def nodes_by_place(graph: Graph | None) -> Mapping[str, Placed]:
    """Return the nodes by place (``orders.charge``, ``charge.undo``, ``finally.tell``); none of no graph."""
    if graph is None:
        return {}
    flows = [graph.flow, *([graph.closing] if graph.closing is not None else [])]
    return {placed.node.place: placed for flow in flows for placed in _within(flow)}


def _within(flow: Flow) -> Iterator[Placed]:
    for node in flow.nodes.values():
        yield Placed(node, flow)
        if node.undo is not None:
            yield Placed(node.undo, flow)
        for body in node.bodies.values():
            yield from _within(body)
