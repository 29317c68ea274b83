"""The planner decides what runs, what is skipped, and how an execution ends."""

from datetime import timedelta

import pytest

from engine.errors import Category
from engine.model.execution import Failure, Status, StepStatus
from engine.model.node import Join, JoinKind, NodeKind, OnError, RetryPolicy
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended, Unknown
from engine.model.workflow import Merge, Variable, WorkflowSettings
from engine.planner import TRANSITIONS, apply, begin, next_due, result, wake
from engine.records import intend
from engine.state import State, Visit
from tests.unit.engine.flows import NOON, graph, node, play, step

CONDITION, CONNECTOR, DELAY, STOP = NodeKind.CONDITION, NodeKind.CONNECTOR, NodeKind.DELAY, NodeKind.STOP


def failure(category: Category = Category.TRANSIENT, code: str = "remote_unavailable") -> Failed:
    return Failed(failure=Failure(code=code, message="no answer", category=category))


def paths(state: State) -> list[str]:
    return sorted(state.root.outputs)


def test_a_chain_runs_in_order_and_its_last_output_is_the_result() -> None:
    state, records = play(graph("a", "b", "c", edges=("a -> b", "b -> c")))

    assert [record.path for record in records] == ["a", "b", "c"]
    assert result(state) == "c done"


def test_start_nodes_run_in_parallel_and_their_ends_are_named_in_the_result() -> None:
    state = begin(graph("a", "b"), "t", None)

    assert [visit.path for visit in state.ready] == ["a", "b"]
    finished, _ = play(graph("a", "b"))
    assert result(finished) == {"a": "a done", "b": "b done"}


def test_the_path_not_taken_is_skipped_down_to_the_join_which_still_runs() -> None:
    flow = graph(
        node("if", CONDITION), "yes", "no", "end", edges=("if.true -> yes", "if.false -> no", "yes -> end", "no -> end")
    )

    state, _ = play(flow, lambda visit: Succeeded(output=1, ports=("true",) if visit.node.key == "if" else ("main",)))

    assert paths(state) == ["end", "if", "yes"]
    assert state.root.skipped == {"no"}


def test_a_join_that_no_live_path_reaches_is_skipped_with_all_behind_it() -> None:
    flow = graph(node("if", CONDITION), "a", "b", "end", edges=("if.true -> a", "if.true -> b", "a -> end", "b -> end"))

    state, _ = play(flow, lambda _: Succeeded(ports=("false",)))

    assert state.root.skipped == {"a", "b", "end"}
    assert result(state) is None


def test_join_all_waits_for_every_live_path() -> None:
    state = begin(graph("a", "b", "end", edges=("a -> end", "b -> end")), "t", None)
    first, second = state.take_ready()

    step(state, second, Succeeded(output=2))
    assert state.ready == []
    step(state, first, Succeeded(output=1))

    (end,) = state.take_ready()
    assert state.input_of(end) == {"a": 1, "b": 2}, "in the order of the edges, whoever came first"


def test_join_any_runs_once_at_the_first_arrival() -> None:
    flow = graph("a", "b", node("end", join=Join(kind=JoinKind.ANY)), edges=("a -> end", "b -> end"))
    state = begin(flow, "t", None)
    first, second = state.take_ready()

    step(state, second, Succeeded(output=2))
    (end,) = state.take_ready()
    step(state, end, Succeeded())
    step(state, first, Succeeded(output=1))

    assert state.input_of(end) == 2
    assert state.root.visits["end"] == 1
    assert not state.pending


def test_join_count_runs_at_the_nth_arrival_and_is_skipped_when_it_cannot_come() -> None:
    join = Join(kind=JoinKind.COUNT, count=2)
    flow = graph("a", "b", "c", node("end", join=join), edges=("a -> end", "b -> end", "c -> end"))
    state = begin(flow, "t", None)
    a, b, c = state.take_ready()
    step(state, a, Succeeded())
    assert state.ready == []
    step(state, b, Succeeded())
    assert [visit.path for visit in state.ready] == ["end"]

    state = begin(flow, "t", None)
    a, b, c = state.take_ready()
    step(state, a, Succeeded())
    for visit in (b, c):
        step(state, visit, Succeeded(ports=()))
    assert state.root.skipped == {"end"}


def test_join_each_runs_once_per_arrival_with_that_arrival_as_input() -> None:
    flow = graph(
        "a", "b", node("end", join=Join(kind=JoinKind.EACH)), "after", edges=("a -> end", "b -> end", "end -> after")
    )

    state, records = play(flow)

    assert [record.path for record in records] == ["a", "b", "end", "end#2", "after", "after#2"]
    assert result(state) == {"after": "after done", "after#2": "after#2 done"}


def test_a_join_behind_each_takes_what_came_when_nothing_more_can_come() -> None:
    each = node("each", join=Join(kind=JoinKind.EACH))
    flow = graph("a", "b", "c", each, "end", edges=("a -> each", "b -> each", "each -> end", "c -> end"))

    state, records = play(flow)

    assert [record.path for record in records].count("end") == 1
    assert "end#2" in [record.path for record in records], "the second arrival must not be stuck for ever"
    assert not state.root.gatherings


def test_a_trigger_starts_only_the_nodes_it_names() -> None:
    flow = graph("a", "b", "c", edges=("a -> b", "c -> b"), start={"t": ("c",), "middle": ("b",)})

    state, _ = play(flow)
    assert paths(state) == ["b", "c"]

    state, records = play(flow, trigger="middle", data="in")
    assert [record.path for record in records] == ["b"]
    assert state.root.skipped == {"a", "c"}


def test_a_condition_passes_its_input_on_without_storing_it() -> None:
    state, records = play(
        graph(node("if", CONDITION), "a", edges=("if.true -> a",)),
        lambda v: Succeeded(output="ignored", ports=("true",) if v.node.key == "if" else ("main",)),
        data={"amount": 5},
    )

    assert records[0].output is None
    assert state.root.outputs["if"] == {"amount": 5}


def test_a_condition_that_leads_nowhere_gives_no_result() -> None:
    state, _ = play(graph(node("if", CONDITION), "a", edges=("if.true -> a",)), lambda _: Succeeded(ports=("false",)))

    assert result(state) is None


def test_a_failure_that_may_be_retried_waits_and_comes_back_as_the_next_attempt() -> None:
    policy = RetryPolicy(max_attempts=3, delay=timedelta(seconds=10), factor=2, jitter=False)
    state = begin(graph(node("call", CONNECTOR, retry=policy)), "t", None)
    (visit,) = state.take_ready()

    first = step(state, visit, failure())
    assert (first.status, first.attempt, first.due_at) == (StepStatus.RETRYING, 1, NOON + timedelta(seconds=10))
    assert next_due(state) == first.due_at

    wake(state, NOON + timedelta(seconds=9))
    assert state.ready == []
    wake(state, NOON + timedelta(seconds=10))
    (again,) = state.take_ready()
    second = step(state, again, failure())
    assert (second.attempt, second.due_at) == (2, NOON + timedelta(seconds=20))

    wake(state, NOON + timedelta(seconds=20))
    (last,) = state.take_ready()
    third = step(state, last, failure())
    assert (third.status, third.attempt) == (StepStatus.FAILED, 3)
    assert state.ending is not None
    assert state.ending.status is Status.FAILED


@pytest.mark.parametrize("category", [Category.PERMANENT, Category.BUSINESS])
def test_a_failure_outside_the_policy_is_final_at_once(category: Category) -> None:
    state = begin(graph(node("call", CONNECTOR, retry=RetryPolicy(max_attempts=5))), "t", None)
    (visit,) = state.take_ready()

    assert step(state, visit, failure(category)).status is StepStatus.FAILED


def test_an_open_breaker_parks_the_step_without_using_an_attempt() -> None:
    state = begin(graph(node("call", CONNECTOR)), "t", None)
    (visit,) = state.take_ready()

    record = step(
        state,
        visit,
        Failed(
            failure=Failure(code="circuit_open", message="open", category=Category.CAPACITY),
            retry_after=timedelta(seconds=30),
        ),
    )

    assert (record.status, record.wait_reason, record.attempt) == (StepStatus.WAITING, "breaker", 1)
    assert record.due_at == NOON + timedelta(seconds=30)
    assert state.pending["call"].attempt == 1


def test_on_error_continue_goes_on_with_the_error_as_output() -> None:
    flow = graph(node("call", CONNECTOR, on_error=OnError.CONTINUE), "next", edges=("call -> next",))

    state, _ = play(
        flow, lambda v: failure(Category.BUSINESS, "remote_rejected") if v.node.key == "call" else Succeeded()
    )

    shown = {"code": "remote_rejected", "message": "no answer", "category": "business"}
    assert state.root.outputs["call"] == {"error": shown}
    assert "next" in state.root.outputs


def test_on_error_route_leaves_by_the_error_port_only() -> None:
    flow = graph(
        node("call", CONNECTOR, on_error=OnError.ROUTE), "good", "bad", edges=("call -> good", "call.error -> bad")
    )

    state, _ = play(flow, lambda v: failure(Category.BUSINESS) if v.node.key == "call" else Succeeded())

    assert "bad" in state.root.outputs
    assert state.root.skipped == {"good"}


def test_after_a_failure_nothing_new_starts_but_what_runs_is_recorded() -> None:
    flow = graph(node("bad", CONNECTOR), node("slow", CONNECTOR), "next", edges=("slow -> next",))
    state = begin(flow, "t", None)
    bad, slow = state.take_ready()

    step(state, bad, failure(Category.PERMANENT))
    step(state, slow, Succeeded(output=1))

    assert state.root.outputs["slow"] == 1
    assert state.ready == []
    assert state.ending is not None


def test_stop_ends_the_execution_with_its_output() -> None:
    flow = graph(node("end", STOP), "next", edges=("end -> next",))

    state, _ = play(flow, lambda _: Succeeded(output="bye", ports=()))

    assert state.ending is not None
    assert (state.ending.status, state.ending.output) == (Status.SUCCEEDED, "bye")
    assert state.ready == []


def test_an_unknown_outcome_fails_the_execution_unless_the_node_says_otherwise() -> None:
    unknown = Unknown(failure=Failure(code="outcome_unknown", message="?"))
    state = begin(graph(node("call", CONNECTOR)), "t", None)
    (visit,) = state.take_ready()
    apply(state, intend(state, visit, now=NOON))
    assert visit.intended

    record = step(state, visit, unknown)

    assert record.status is StepStatus.UNKNOWN
    assert state.ending is not None
    routed = begin(
        graph(node("call", CONNECTOR, on_error=OnError.ROUTE), "look", edges=("call.error -> look",)), "t", None
    )
    step(routed, routed.take_ready()[0], unknown)
    assert [visit.path for visit in routed.ready] == ["look"]


def test_a_wait_is_not_used_up_by_recording_it() -> None:
    state = begin(graph(node("wait", DELAY)), "t", None)
    (visit,) = state.take_ready()

    record = step(state, visit, Suspended(due_at=NOON + timedelta(hours=1), reason="delay"))

    assert (record.status, record.finished_at, record.attempt) == (StepStatus.WAITING, None, 1)
    assert state.pending["wait"].due_at == NOON + timedelta(hours=1)


def test_more_passes_than_allowed_end_the_execution_and_name_the_limit() -> None:
    again = node("again", NodeKind.CONDITION)
    flow = graph("a", again, edges=("a -> again", "again.true -> a"), settings=WorkflowSettings(max_iterations=2))

    state, _ = play(flow, lambda visit: Succeeded(ports=("true" if visit.node.key == "again" else "main",)))

    assert state.ending is not None
    assert state.ending.error is not None
    assert state.ending.error.code == "limit_exceeded"
    assert "settings.max_iterations" in state.ending.error.message


@pytest.mark.parametrize(
    ("merge", "parts", "whole"),
    [
        (Merge.LAST, [1, 2], 2),
        (Merge.ADD, [1, 2.5], 3.5),
        (Merge.APPEND, ["a", "b"], ["a", "b"]),
        (Merge.UNION, [["a", "b"], ["b", "c"]], ["a", "b", "c"]),
        (Merge.UNION, [{"a": 1}, {"b": 2}], {"a": 1, "b": 2}),
    ],
)
def test_assignments_combine_as_the_variable_says(merge: Merge, parts: list[object], whole: object) -> None:
    flow = graph("a", "b", edges=("a -> b",), variables={"v": Variable(merge=merge)})
    values = iter(parts)

    state, _ = play(flow, lambda _: Succeeded(assigned={"v": next(values)}))

    assert state.variables["v"] == whole


def test_a_record_that_does_not_follow_is_refused() -> None:
    _, records = play(graph("a", "b", edges=("a -> b",)))
    state = begin(graph("a", "b", edges=("a -> b",)), "t", None)

    with pytest.raises(ValueError, match='"b" does not follow'):
        apply(state, records[1])


def test_no_transition_leaves_a_final_state_but_the_replay() -> None:
    final = {status: after for status, after in TRANSITIONS.items() if status.is_final}

    assert final == {Status.SUCCEEDED: frozenset(), Status.FAILED: {Status.QUEUED}, Status.CANCELLED: frozenset()}
    assert set(TRANSITIONS) == set(Status)


def outcome_of(visit: Visit) -> Outcome:
    return Succeeded(output=visit.path)
