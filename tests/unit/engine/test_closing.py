"""What comes after the work: undos in reverse, then what runs in any case, and the fold over both."""

from engine.closing import conclude
from engine.errors import Category
from engine.graph import Graph, compile_graph
from engine.model.base import VersionId
from engine.model.execution import Failure, Status, StepRecord
from engine.model.node import Body, ConnectorSpec, Edge, Node, NodeKind
from engine.model.outcome import Failed, Outcome, Succeeded
from engine.model.workflow import Definition
from engine.planner import apply, begin
from engine.state import Phase, State
from tests.unit.engine.flows import node, step

BROKEN = Failed(failure=Failure(code="x", message="broken", category=Category.PERMANENT, step="c"))


def undoable(key: str) -> Node:
    undo = Node(key="undo", kind=NodeKind.CONNECTOR, spec=ConnectorSpec(use="http.request"))
    return Node(key=key, kind=NodeKind.CONNECTOR, spec=ConnectorSpec(use="http.request"), undo=undo)


def saga(*, closing: bool = True) -> Graph:
    nodes = [undoable("a"), undoable("b"), node("c")]
    edges = tuple(Edge(source=s, port="main", target=t) for s, t in (("a", "b"), ("b", "c")))
    last = Body(
        nodes={"tell": node("tell"), "done": node("done")}, edges=(Edge(source="tell", port="main", target="done"),)
    )
    definition = Definition(
        name="saga", nodes={each.key: each for each in nodes}, edges=edges, closing=last if closing else None
    )
    return compile_graph(definition, VersionId("v"))


def run(flow: Graph, outcomes: dict[str, Outcome]) -> tuple[State, list[StepRecord]]:
    state, records = begin(flow, "t", None), []
    while True:
        ready = [] if state.stopping else state.take_ready()
        records += [step(state, each, outcomes.get(each.path, Succeeded(output=each.path))) for each in ready]
        if not ready and not conclude(state):
            return state, records


def paths(records: list[StepRecord]) -> list[str]:
    return [record.path for record in records]


def test_the_undos_of_what_succeeded_run_in_reverse_and_then_finally() -> None:
    state, records = run(saga(), {"c": BROKEN})

    assert paths(records) == ["a", "b", "c", "b.undo", "a.undo", "finally.tell", "finally.done"]
    assert state.ending is not None
    assert state.ending.error == BROKEN.failure


def test_nothing_is_taken_back_when_the_work_succeeds() -> None:
    state, records = run(saga(), {})

    assert paths(records) == ["a", "b", "c", "finally.tell", "finally.done"]
    assert state.ending is not None
    assert (state.ending.status, state.ending.output) == (Status.SUCCEEDED, "c")


def test_an_undo_sees_the_output_it_takes_back_and_finally_the_outcome() -> None:
    state = begin(saga(), "t", None)
    for outcome in (Succeeded(output="A"), Succeeded(output="B"), BROKEN):
        step(state, state.take_ready()[0], outcome)
    conclude(state)
    assert state.ready[0].frame.names["output"] == "B"

    for _ in range(2):
        step(state, state.take_ready()[0], Succeeded())
        conclude(state)
    assert state.ready[0].frame.names["outcome"]["status"] == "failed"
    assert state.ready[0].frame.names["outcome"]["error"]["message"] == "broken"


def test_an_undo_that_fails_is_named_and_the_others_still_run() -> None:
    bad = Failed(failure=Failure(code="y", message="stuck", category=Category.PERMANENT, step="b.undo"))
    state, records = run(saga(), {"c": BROKEN, "b.undo": bad})

    assert "a.undo" in paths(records)
    assert state.ending is not None
    assert state.ending.error is not None
    assert state.ending.error.message == "broken; and b.undo failed: stuck"
    assert state.ending.error.code == "x"


def test_a_failure_in_finally_fails_what_would_have_succeeded() -> None:
    state, records = run(saga(), {"finally.tell": BROKEN})

    assert paths(records)[-1] == "finally.tell"
    assert state.ending is not None
    assert state.ending.status is Status.FAILED


def test_every_point_of_the_closing_can_be_rebuilt_from_the_records() -> None:
    flow = saga()
    _, records = run(flow, {"c": BROKEN})

    for cut in range(len(records)):
        folded = begin(flow, "t", None)
        for record in records[:cut]:
            apply(folded, record)
        if records[cut].path not in folded.pending:
            conclude(folded)
        assert records[cut].path in folded.pending
    assert folded.phase is Phase.FINALLY
