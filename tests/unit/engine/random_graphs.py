"""Random graphs without cycles, with outcomes that belong to their visits, for properties of histories."""

import random
from collections.abc import Callable

from hypothesis import strategies as st

from engine.graph import Graph
from engine.model.execution import StepRecord
from engine.model.node import Join, JoinKind, Node, NodeKind
from engine.model.outcome import Outcome, Succeeded
from engine.planner import begin
from engine.state import State, Visit
from tests.unit.engine.flows import graph, node, step

PORTS = {NodeKind.TRANSFORM: ("main",), NodeKind.CONDITION: ("true", "false"), NodeKind.SWITCH: ("a", "b", "default")}
JOINS = [Join(kind=JoinKind.ALL), Join(kind=JoinKind.ANY), Join(kind=JoinKind.EACH), Join(kind=JoinKind.COUNT, count=2)]


@st.composite
def graphs(draw: st.DrawFn, *, joins: list[Join]) -> Graph:
    """A random graph without cycles, of up to nine nodes."""
    size = draw(st.integers(1, 9))
    kinds = [draw(st.sampled_from(list(PORTS))) for _ in range(size)]
    edges = []
    for target in range(1, size):
        for source in draw(st.sets(st.integers(0, target - 1), max_size=3)):
            port = draw(st.sampled_from(PORTS[kinds[source]]))
            edges.append(f"n{source}.{port} -> n{target}")
    nodes: list[Node] = []
    for index, kind in enumerate(kinds):
        inbound = sum(edge.endswith(f"-> n{index}") for edge in edges)
        nodes.append(node(f"n{index}", kind, join=draw(st.sampled_from(joins)) if inbound > 1 else None))
    return graph(*nodes, edges=tuple(edges))


def choose(seed: int, visit: Visit) -> Outcome:
    """Always the same outcome for the same visit, whenever it runs."""
    dice = random.Random(f"{seed} {visit.path}")
    ports = PORTS[visit.node.kind]
    if visit.node.kind is NodeKind.SWITCH:
        return Succeeded(output=visit.path, ports=tuple(dice.sample(ports, dice.randint(1, 2))))
    return Succeeded(output=visit.path, ports=(dice.choice(ports),))


def run(flow: Graph, choice: Callable[[Visit], Outcome], order: random.Random) -> tuple[State, list[StepRecord]]:
    """Run to the end, ending visits in a random order; fail if it does not end."""
    state = begin(flow, "t", "data")
    records: list[StepRecord] = []
    running: list[Visit] = []
    for _ in range(1000):
        running += state.take_ready()
        if not running or state.ending is not None:
            return state, records
        visit = running.pop(order.randrange(len(running)))
        records.append(step(state, visit, choice(visit)))
    raise AssertionError("the execution does not end")
