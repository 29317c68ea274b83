"""Loops and parallel nodes in the planner: order, width, failure, cancellation, and the fold over their records."""

import pytest

from engine.errors import Category
from engine.graph import Graph
from engine.model.base import Json
from engine.model.execution import Failure, StepRecord, StepStatus
from engine.model.node import Body, Edge, LoopSpec, Node, NodeKind, OnError, OnItemError, ParallelSpec
from engine.model.outcome import Failed, Opened, Outcome, Succeeded
from engine.nodes import loop, parallel
from engine.nodes.base import Attempt
from engine.planner import apply, begin, result
from engine.records import cancelled
from engine.state import State, Visit
from tests.unit.engine.flows import NOON, graph, node, step

BROKEN = Failed(failure=Failure(code="x", message="broken", category=Category.PERMANENT))


def body(*nodes: Node | str, edges: tuple[tuple[str, str], ...] = ()) -> Body:
    made = [node(each) if isinstance(each, str) else each for each in nodes]
    arrows = tuple(Edge(source=source, port="main", target=target) for source, target in edges)
    return Body(nodes={each.key: each for each in made}, edges=arrows)


def loop_node(inside: Body | None = None, *, key: str = "each", on_error: OnError = OnError.FAIL, **more: Json) -> Node:
    spec = LoopSpec(body=inside or body("work"), **{"over": "{{ input }}", **more})
    return node(key, NodeKind.LOOP, spec=spec, on_error=on_error)


def branches(needed: int | None = None, **inside: Body) -> Node:
    return node("both", NodeKind.PARALLEL, spec=ParallelSpec(branches=inside, needed=needed))


def act(state: State, visit: Visit, outcomes: dict[str, Outcome]) -> Outcome:
    """What the handlers of containers say; every other node gives its path and item, unless told otherwise."""
    if visit.path in outcomes:
        return outcomes[visit.path]
    attempt = Attempt(visit, {"input": state.input_of(visit)}, state.input_of(visit), NOON, NOON, "x", "p")  # type: ignore[arg-type]
    if visit.node.kind is NodeKind.LOOP:
        return loop.run(attempt)
    if visit.node.kind is NodeKind.PARALLEL:
        return parallel.run(attempt)
    return Succeeded(output=state.input_of(visit))


def turn(state: State, outcomes: dict[str, Outcome] | None = None) -> list[StepRecord]:
    """Cancel what is doomed, and let everything run that is ready."""
    records = []
    while doomed := state.doomed():
        for visit in doomed:
            records.append(cancelled(state, visit, now=NOON))
            apply(state, records[-1])
    alive = (each for each in state.take_ready() if each.path in state.pending and not state.stopping)
    return records + [step(state, each, act(state, each, outcomes or {})) for each in alive]


def run(flow: Graph, data: Json, outcomes: dict[str, Outcome] | None = None) -> tuple[State, list[StepRecord]]:
    state, records = begin(flow, "t", data), []
    while new := turn(state, outcomes):
        records += new
    return state, records


def folds(flow: Graph, data: Json, records: list[StepRecord]) -> None:
    """Every point of a history can be rebuilt, and the next record follows from it."""
    stored: dict[tuple[str, int], StepRecord] = {}
    for record in records:
        stored[record.path, record.attempt] = record
    for cut in range(len(records) + 1):
        state = begin(flow, "t", data)
        for record in records[:cut]:
            apply(state, record)
    final = begin(flow, "t", data)
    for record in sorted(stored.values(), key=lambda each: each.seq):
        apply(final, record)
    assert not final.pending
    assert final.root.outputs == state.root.outputs


def paths(records: list[StepRecord]) -> list[str]:
    return [record.path for record in records if record.attempt]


def test_a_loop_runs_its_body_once_per_item_and_gives_the_results_in_order() -> None:
    flow = graph(loop_node(), "after", edges=("each -> after",))

    state, records = run(flow, [5, 6, 7])

    assert paths(records) == ["each[0].work", "each[1].work", "each[2].work", "each", "after"]
    assert state.root.outputs["each"] == [5, 6, 7]
    assert [record.node for record in records[:2]] == ["each", "each.work"]
    assert not state.pending
    folds(flow, [5, 6, 7], records)


def test_an_empty_list_ends_at_once() -> None:
    state, records = run(graph(loop_node()), [])

    assert paths(records) == ["each"]
    assert result(state) == []


def test_as_many_iterations_run_at_once_as_allowed() -> None:
    state = begin(graph(loop_node(concurrency=2)), "t", [1, 2, 3])
    turn(state)

    assert [visit.path for visit in state.ready] == ["each[0].work", "each[1].work"]
    first = state.take_ready()[1]
    step(state, first, Succeeded(output="b"))
    assert [visit.path for visit in state.ready] == ["each[2].work"]


def test_a_batch_gives_each_iteration_several_items() -> None:
    state, _ = run(graph(loop_node(batch=2)), [1, 2, 3])
    assert result(state) == [[1, 2], [3]]


def test_loops_lie_in_loops() -> None:
    inner = loop_node(body("leaf"), key="inner")
    state, records = run(graph(loop_node(body(inner))), [[1, 2], [3]])

    assert result(state) == [[1, 2], [3]]
    assert "each[0].inner[1].leaf" in paths(records)
    assert {record.node for record in records} == {"each", "each.inner", "each.inner.leaf"}


def test_nodes_inside_see_the_item_its_number_and_the_steps_around() -> None:
    flow = graph("before", loop_node(alias="order"), edges=("before -> each",))
    state = begin(flow, "t", ["a"])
    turn(state)
    turn(state)

    frame = state.ready[0].frame
    assert frame.names == {"item": "a", "index": 0, "order": "a"}
    assert frame.outputs == {"before": ["a"]}


@pytest.mark.parametrize(
    ("policy", "given"),
    [(OnItemError.SKIP, [1, 3]), (OnItemError.COLLECT, [1, {"error": BROKEN.failure.as_json()}, 3])],
)
def test_a_failed_iteration_is_skipped_or_collected(policy: OnItemError, given: Json) -> None:
    flow = graph(loop_node(on_item_error=policy))
    state, records = run(flow, [1, 2, 3], {"each[1].work": BROKEN})

    assert result(state) == given
    assert state.ending is None
    folds(flow, [1, 2, 3], records)


def test_a_failed_iteration_fails_its_loop_and_no_further_one_begins() -> None:
    flow = graph(loop_node(concurrency=2))
    state, records = run(flow, [1, 2, 3, 4], {"each[0].work": BROKEN})

    assert "each[2].work" not in paths(records)
    assert state.ending is not None
    assert state.ending.error == BROKEN.failure
    assert records[-1].path == "each"
    assert records[-1].status is StepStatus.FAILED


def test_the_failure_of_a_loop_can_be_routed() -> None:
    flow = graph(loop_node(on_error=OnError.ROUTE), "rescue", edges=("each.error -> rescue",))
    state, records = run(flow, [1], {"each[0].work": BROKEN})

    assert paths(records)[-1] == "rescue"
    assert state.ending is None
    folds(flow, [1], records)


def test_the_other_steps_of_a_failed_iteration_that_stand_still_are_cancelled() -> None:
    flow = graph(loop_node(body("work", "wait"), on_item_error=OnItemError.SKIP))
    state = begin(flow, "t", [1, 2])
    turn(state)
    work, wait = state.take_ready()
    step(state, work, BROKEN)

    assert [visit.path for visit in state.doomed()] == [], "what runs is waited for"
    step(state, wait, Succeeded())
    assert [visit.path for visit in state.ready] == ["each[1].work", "each[1].wait"]


def test_branches_run_at_once_and_give_a_mapping() -> None:
    flow = graph(branches(left=body("a"), right=body("b", "c", edges=(("b", "c"),))))
    state, records = run(flow, 7)

    assert result(state) == {"left": 7, "right": 7}
    assert set(paths(records)) == {"both.left.a", "both.right.b", "both.right.c", "both"}
    folds(flow, 7, records)


def test_the_first_branch_that_succeeds_wins_and_the_others_are_cancelled() -> None:
    flow = graph(branches(1, left=body("a"), right=body("b")), "after", edges=("both -> after",))
    state = begin(flow, "t", 7)
    turn(state)
    left, right = state.take_ready()
    records = [step(state, left, Succeeded(output="won"))]

    assert state.doomed() == [right], "what runs is cancelled, too"
    records += turn(state)
    records += turn(state)

    assert [record.status for record in records] == [
        StepStatus.SUCCEEDED, StepStatus.CANCELLED, StepStatus.SUCCEEDED, StepStatus.SUCCEEDED,
    ]  # fmt: skip
    assert state.root.outputs["both"] == {"left": "won"}
    assert paths(records)[-1] == "after"


def test_a_failed_branch_matters_only_when_too_few_can_still_succeed() -> None:
    flow = graph(branches(1, left=body("a"), right=body("b")))

    state, _ = run(flow, 7, {"both.left.a": BROKEN})
    assert result(state) == {"right": 7}

    state, _ = run(flow, 7, {"both.left.a": BROKEN, "both.right.b": BROKEN})
    assert state.ending is not None


def test_a_stop_inside_ends_the_whole_execution() -> None:
    flow = graph(loop_node(body(node("halt", NodeKind.STOP))))
    state, records = run(flow, [1, 2])

    assert paths(records) == ["each[0].halt"]
    assert state.ending is not None


def test_a_while_loop_is_granted_one_round_after_another() -> None:
    flow = graph(loop_node(over=None, test="true"))
    state = begin(flow, "t", None)
    for granted in (1, 2):
        visit = state.take_ready()[0]
        record = step(state, visit, Opened(opening={"rounds": granted}))
        assert (record.attempt, record.seq) == (0, 1), "the opening keeps its place in the history"
        step(state, state.take_ready()[0], Succeeded(output=granted))

    assert state.ready[0].path == "each"
    assert state.ready[0].inside is not None
    assert state.ready[0].inside.results == {0: 1, 1: 2}


def test_what_is_inside_ends_with_its_loop() -> None:
    state = begin(graph(loop_node(concurrency=3)), "t", [1, 2, 3])
    turn(state)
    visit = state.pending["each"]

    apply(state, cancelled(state, visit, now=NOON))

    assert not state.pending
    assert not state.ready


def test_a_loop_ends_when_enough_iterations_succeeded_and_no_further_one_begins() -> None:
    flow = graph(loop_node(needed=2, on_item_error=OnItemError.COLLECT))
    state, records = run(flow, [1, 2, 3, 4], {"each[0].work": BROKEN})

    assert result(state) == [{"error": BROKEN.failure.as_json()}, 2, 3], "a collected failure is no success"
    assert "each[3].work" not in paths(records)
    folds(flow, [1, 2, 3, 4], records)


def test_a_while_loop_that_has_enough_asks_no_more() -> None:
    state, records = run(graph(loop_node(over=None, test="true", needed=2)), None)

    assert paths(records) == ["each[0].work", "each[1].work", "each"]
    assert state.ending is None


def test_a_loop_in_which_too_few_succeed_gives_what_it_has() -> None:
    state, _ = run(graph(loop_node(needed=2, on_item_error=OnItemError.SKIP)), [1, 2], {"each[0].work": BROKEN})
    assert result(state) == [2]


def test_what_fails_when_a_loop_has_enough_changes_nothing() -> None:
    state = begin(graph(loop_node(needed=1, concurrency=2)), "t", [1, 2])
    turn(state)
    first, second = state.take_ready()

    records = [step(state, first, Succeeded(output="won")), step(state, second, BROKEN)]
    records += turn(state)

    assert (result(state), state.ending) == (["won"], None)
