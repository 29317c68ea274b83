"""What holds for every graph, every outcome and every order in which steps end."""

import random
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Category
from engine.graph import Graph
from engine.model.execution import Failure, StepRecord
from engine.model.node import Join, JoinKind, Node, NodeKind, OnError
from engine.model.outcome import Failed, Outcome, Succeeded
from engine.planner import apply, begin, result
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


@given(graphs(joins=JOINS), st.integers(), st.randoms(use_true_random=False))
def test_every_execution_ends_and_no_step_is_recorded_twice(flow: Graph, seed: int, order: random.Random) -> None:
    state, records = run(flow, lambda visit: choose(seed, visit), order)

    assert len({record.path for record in records}) == len(records)
    assert not state.pending
    assert not state.root.gatherings
    assert {record.node for record in records} | state.root.skipped == set(flow.nodes)


@given(graphs(joins=JOINS[:1]), st.integers(), st.randoms(use_true_random=False))
def test_exactly_the_nodes_on_a_live_path_run(flow: Graph, seed: int, order: random.Random) -> None:
    _, records = run(flow, lambda visit: choose(seed, visit), order)

    taken = {record.node: record.ports for record in records}
    reachable: set[str] = set()
    for key, each in flow.nodes.items():  # in an order in which sources come first
        edges = [flow.flow.edges[index] for index in each.inbound]
        if not edges or any(edge.source in reachable and edge.port in taken[edge.source] for edge in edges):
            reachable.add(key)
    assert set(taken) == reachable


@given(graphs(joins=JOINS[:1]), st.integers(), st.randoms(use_true_random=False), st.randoms(use_true_random=False))
def test_the_order_in_which_steps_end_does_not_change_what_runs(
    flow: Graph, seed: int, one: random.Random, other: random.Random
) -> None:
    first, _ = run(flow, lambda visit: choose(seed, visit), one)
    second, _ = run(flow, lambda visit: choose(seed, visit), other)

    assert first.root.outputs == second.root.outputs
    assert result(first) == result(second)


@given(graphs(joins=JOINS), st.integers(), st.randoms(use_true_random=False), st.data())
def test_folding_the_records_gives_the_same_state_at_every_point(
    flow: Graph, seed: int, order: random.Random, data: st.DataObject
) -> None:
    _, records = run(flow, lambda visit: choose(seed, visit), order)
    cut = data.draw(st.integers(0, len(records)))

    folded = begin(flow, "t", "data")
    for record in records[:cut]:
        apply(folded, record)
    live = begin(flow, "t", "data")
    done = {record.path: record for record in records[:cut]}
    for record in records[:cut]:
        live.take_ready()
        apply(live, done[record.path])

    assert set(folded.pending) == set(live.pending)
    assert folded.root.outputs == live.root.outputs
    assert folded.root.skipped == live.root.skipped
    assert {visit.path for visit in folded.ready} == set(folded.pending), (
        "what was under way is ready for the next owner"
    )


@given(graphs(joins=JOINS), st.integers(), st.randoms(use_true_random=False), st.integers(0, 8))
def test_an_execution_with_a_failing_step_ends_too(flow: Graph, seed: int, order: random.Random, bad: int) -> None:
    def choice(visit: Visit) -> Outcome:
        if visit.node.key == f"n{bad}":
            return Failed(failure=Failure(code="x", message="broken", category=Category.PERMANENT))
        return choose(seed, visit)

    state, records = run(flow, choice, order)

    failed = [record for record in records if record.error is not None]
    assert (state.ending is not None) == bool(failed)
    assert all(flow.nodes[record.node].node.on_error is OnError.FAIL for record in failed)
