"""What people see of an execution: what is not stored is derived, and a strange history is shown as it is."""

from engine.history import history
from engine.model.node import NodeKind
from engine.model.outcome import Succeeded
from engine.planner import begin
from tests.unit.engine.flows import graph, node, play, step


def test_outputs_that_pass_through_and_skipped_nodes_are_derived() -> None:
    flow = graph(
        node("if", NodeKind.CONDITION), "yes", "no", "after", edges=("if.true -> yes", "if.false -> no", "yes -> after")
    )
    state = begin(flow, "t", {"n": 1})
    (visit,) = state.take_ready()
    record = step(state, visit, Succeeded(output="ignored", ports=("true",)))

    shown = history(flow, "t", {"n": 1}, [record])

    assert [(one.path, one.output) for one in shown.steps] == [("if", {"n": 1})]
    assert shown.skipped == ("no",)
    assert shown.ahead == ("yes", "after")


def test_a_finished_execution_has_nothing_ahead() -> None:
    flow = graph("a", "b", edges=("a -> b",))
    _, records = play(flow)

    shown = history(flow, "t", None, records)

    assert (shown.skipped, shown.ahead) == ((), ())


def test_records_of_another_version_are_shown_as_they_are_stored() -> None:
    _, records = play(graph("x"))

    shown = history(graph("a"), "t", None, records)

    assert shown.steps == tuple(records)
    assert shown.ahead == ()
