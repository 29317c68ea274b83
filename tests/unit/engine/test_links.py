"""Links in the scope of expressions: which visit of a node they belong to."""

from engine.links import NoLinks, coming_path, link_scope
from engine.model.arrival import Awaited
from engine.model.base import ExecutionId
from engine.model.node import Join, JoinKind, NodeKind
from engine.model.outcome import Succeeded, Suspended
from engine.model.waiting import WaitSpec
from engine.planner import begin
from tests.unit.engine.flows import NOON, graph, node, step

CALLBACK = WaitSpec(awaited=Awaited.CALLBACK)


def test_before_and_during_a_visit_it_is_that_visit_and_afterwards_the_next() -> None:
    flow = graph(
        "a",
        "b",
        node("ask", NodeKind.WAIT, spec=CALLBACK, join=Join(kind=JoinKind.EACH)),
        edges=("a -> ask", "b -> ask"),
    )
    state = begin(flow, "t", None)
    a, b = state.take_ready()

    paths = [coming_path(state, state.root, "ask")]
    step(state, a, Succeeded())
    paths.append(coming_path(state, state.root, "ask"))
    (first,) = state.take_ready()
    step(state, first, Suspended(due_at=NOON, reason="callback"))
    paths.append(coming_path(state, state.root, "ask"))
    step(state, first, Succeeded())
    paths.append(coming_path(state, state.root, "ask"))
    step(state, b, Succeeded())
    paths.append(coming_path(state, state.root, "ask"))

    assert paths == ["ask", "ask", "ask", "ask#2", "ask#2"]


def test_only_nodes_that_wait_for_a_callback_have_a_link() -> None:
    pinned = node("pinned", NodeKind.WAIT, spec=CALLBACK)
    flow = graph("a", node("ask", NodeKind.WAIT, spec=CALLBACK), pinned)

    state = begin(flow, "t", None)
    scope = link_scope(NoLinks(), ExecutionId("x"), state, state.root)

    assert flow.flow.callbacks == ("ask", "pinned")
    assert scope == {"callbacks": {"ask": "", "pinned": ""}}
