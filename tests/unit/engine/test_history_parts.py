"""How far loops and parallel nodes are, folded from their steps; their openings give way to what came of them."""

from engine.history import Parts, history, without_openings
from engine.model.execution import StepStatus
from engine.model.node import NodeKind, OnItemError
from engine.planner import begin
from tests.unit.engine.flows import graph, node
from tests.unit.engine.test_bodies import BROKEN, body, branches, loop_node, run, turn


def test_an_open_loop_says_how_many_items_are_done() -> None:
    flow = graph(loop_node(concurrency=2, on_item_error=OnItemError.SKIP))
    state, records = begin(flow, "t", [1, 2, 3, 4]), []
    for _ in range(2):
        records += turn(state, {"each[1].work": BROKEN})

    shown = history(flow, "t", [1, 2, 3, 4], records)

    assert shown.parts == {"each": Parts(total=4, begun=4, done=2, failed=1)}
    assert [(step.path, step.attempt, step.output) for step in without_openings(shown.steps)] == [
        ("each", 0, None),
        ("each[0].work", 1, 1),
        ("each[1].work", 1, None),
    ]


def test_an_ended_loop_says_what_became_of_its_items_and_its_opening_is_gone() -> None:
    flow = graph(loop_node(batch=2, on_item_error=OnItemError.COLLECT))
    _, records = run(flow, [1, 2, 3], {"each[0].work": BROKEN})

    shown = history(flow, "t", [1, 2, 3], records)

    assert shown.parts == {"each": Parts(total=2, begun=2, done=2, failed=1)}
    assert [(step.path, step.attempt) for step in without_openings(shown.steps)] == [
        ("each[0].work", 1),
        ("each[1].work", 1),
        ("each", 1),
    ]


def test_a_parallel_node_says_how_many_branches_are_done() -> None:
    flow = graph(branches(left=body("a"), right=body("b", "c", edges=(("b", "c"),))))
    state, records = begin(flow, "t", None), []
    for _ in range(2):
        records += turn(state)

    assert history(flow, "t", None, records).parts == {"both": Parts(total=2, begun=2, done=1, failed=0)}


def test_nested_loops_are_counted_by_their_paths() -> None:
    flow = graph(loop_node(body(loop_node(key="inner"))))
    _, records = run(flow, [[1, 2], []])

    parts = history(flow, "t", [[1, 2], []], records).parts

    assert {path: (each.total, each.done) for path, each in parts.items()} == {
        "each": (2, 2),
        "each[0].inner": (2, 2),
        "each[1].inner": (0, 0),
    }


def test_the_outermost_steps_alone_say_what_was_skipped() -> None:
    inside = node("if", NodeKind.CONDITION)
    flow = graph(loop_node(body(inside)), "after", "never", edges=("each -> after", "each.error -> never"))
    _, records = run(flow, [1])
    outermost = [record for record in records if "." not in record.path]
    assert len(outermost) < len(records)

    shown = history(flow, "t", [1], outermost)

    assert [step.path for step in without_openings(shown.steps)] == ["each", "after"]
    assert (shown.skipped, shown.ahead) == (("never",), ())


def test_steps_that_do_not_follow_are_shown_without_their_openings_too() -> None:
    flow = graph(loop_node())
    _, records = run(flow, [1])

    shown = history(graph("other"), "t", [1], records)

    assert shown.steps == tuple(records)
    assert [step.status for step in without_openings(shown.steps)] == [StepStatus.SUCCEEDED, StepStatus.SUCCEEDED]
