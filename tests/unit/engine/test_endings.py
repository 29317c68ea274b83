"""Which steps end with an execution that its executor did not end, and which are opened again when it goes on."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.endings import closed, enclosing, open_paths, reopened
from engine.graph import Graph
from engine.model.execution import Failure, StepRecord, StepStatus
from engine.model.node import NodeKind, OnError
from engine.model.outcome import Failed, Outcome
from engine.planner import apply, begin
from engine.state import State, Visit
from tests.fakes import START as NOW
from tests.unit.engine.flows import graph, node
from tests.unit.engine.random_graphs import JOINS, choose, graphs, run

LATER = NOW + timedelta(hours=1)
BROKEN = Failure(code="x", message="broken")


def record(
    path: str, seq: int, status: StepStatus = StepStatus.SUCCEEDED, *, ports: tuple[str, ...] = ()
) -> StepRecord:
    return StepRecord(
        path=path,
        node=path.rpartition(".")[2].partition("#")[0],
        attempt=1,
        seq=seq,
        status=status,
        started_at=NOW,
        finished_at=NOW,
        ports=("main",) if status is StepStatus.SUCCEEDED else ports,
        error=BROKEN if status in (StepStatus.FAILED, StepStatus.UNKNOWN) else None,
    )


def fold(flow: Graph, records: list[StepRecord]) -> State:
    state = begin(flow, "t", "data")
    for each in sorted(records, key=lambda one: one.seq):
        apply(state, each)
    return state


def after(records: list[StepRecord], changed: list[StepRecord]) -> list[StepRecord]:
    """What the database holds when changed records were written over the old ones."""
    held = {(one.path, one.attempt): one for one in [*records, *changed]}
    return sorted(held.values(), key=lambda one: one.seq)


@pytest.mark.parametrize("status", [StepStatus.FAILED, StepStatus.UNKNOWN])
@pytest.mark.parametrize("port", ["main", "error"])
def test_a_failure_that_was_handled_stays_as_it_was(status: StepStatus, port: str) -> None:
    on_error = OnError.CONTINUE if port == "main" else OnError.ROUTE
    first = node("call", NodeKind.CONNECTOR, on_error=on_error)
    flow = graph(first, node("then", NodeKind.CONNECTOR), edges=(f"call.{port} -> then",))
    records = [record("call", 1, status, ports=(port,)), record("then", 2, StepStatus.FAILED)]

    opened = reopened(records, now=LATER)

    assert [(one.path, one.status, one.due_at) for one in opened] == [("then", StepStatus.RETRYING, LATER)]
    assert set(fold(flow, after(records, opened)).pending) == {"then"}


def test_what_waited_when_the_execution_failed_waits_on_and_what_was_stopped_may_begin_again() -> None:
    waited = record("wait", 1, StepStatus.CANCELLED)
    due = LATER + timedelta(hours=1)
    stopped = record("call", 2, StepStatus.CANCELLED)

    opened = reopened([replace(waited, due_at=due, wait_reason="delay"), stopped], now=LATER)

    assert [(one.path, one.status, one.due_at, one.finished_at) for one in opened] == [
        ("wait", StepStatus.WAITING, due, None),
        ("call", StepStatus.WAITING, LATER, None),
    ]


def test_a_failure_inside_a_step_that_settled_is_that_steps_business() -> None:
    records = [
        record("orders[3].charge", 1, StepStatus.FAILED),
        record("orders", 2),
        record("bills[0].send#2", 3, StepStatus.FAILED),
        record("bills", 4, StepStatus.FAILED),
    ]

    assert [one.path for one in reopened(records, now=LATER)] == ["bills[0].send#2", "bills"]


def test_a_path_names_the_steps_around_it_from_the_inside() -> None:
    assert list(enclosing("charge")) == []
    assert list(enclosing("orders[3].charge#2")) == ["orders"]
    assert list(enclosing("a#2[0].b[11].c")) == ["a#2[0].b", "a#2"]
    assert list(enclosing("fork.left.send")) == ["fork.left", "fork"]


def test_the_last_attempt_counts() -> None:
    first, second = record("a", 1, StepStatus.FAILED), replace(record("a", 2), attempt=2)

    assert reopened([first, second], now=LATER) == []


def test_waits_end_with_the_execution_and_an_announced_call_has_an_unknown_outcome() -> None:
    records = [
        record("done", 1),
        record("wait", 2, StepStatus.WAITING),
        record("again", 3, StepStatus.RETRYING),
        record("paid", 4, StepStatus.RUNNING),
    ]

    ended = closed(records, BROKEN, now=LATER)

    assert [(one.path, one.attempt, one.seq, one.status) for one in ended] == [
        ("wait", 1, 5, StepStatus.CANCELLED),
        ("again", 2, 6, StepStatus.CANCELLED),
        ("paid", 1, 4, StepStatus.UNKNOWN),
    ]
    assert {one.finished_at for one in ended} == {LATER}
    assert ended[2].error is not None
    assert ended[2].error.code == "outcome_unknown"


def test_what_is_inside_an_open_step_ends_with_it() -> None:
    opened = replace(record("orders", 1, StepStatus.RUNNING), attempt=0)
    records = [opened, record("orders[0].wait", 2, StepStatus.WAITING), record("orders[1].pay", 3, StepStatus.RUNNING)]

    ended = closed(records, BROKEN, now=LATER)

    assert open_paths(records) == {"orders"}
    assert [(one.path, one.attempt, one.status) for one in ended] == [
        ("orders", 1, StepStatus.CANCELLED),
        ("orders[1].pay", 1, StepStatus.UNKNOWN),
    ]
    assert open_paths([*records, *ended]) == set()


@given(graphs(joins=JOINS), st.integers(), st.randoms(use_true_random=False), st.integers(0, 8), st.integers(0, 8))
def test_what_is_opened_again_folds_and_can_go_on_for_every_graph_and_every_handling(
    flow: Graph, seed: int, order: random.Random, bad: int, worse: int
) -> None:
    handled = _with_errors(flow, seed)

    def outcome(visit: Visit) -> Outcome:
        if visit.node.key in (f"n{bad}", f"n{worse}"):
            return Failed(failure=BROKEN)
        return choose(seed, visit)

    state, records = run(handled, outcome, order)

    again = fold(handled, after(records, reopened(records, now=LATER)))

    assert again.ending is None
    assert bool(again.pending) == (state.ending is not None)
    kept = [one for one in records if one.status is StepStatus.SUCCEEDED or one.ports]
    assert not {one.path for one in kept} & set(again.pending)


def _with_errors(flow: Graph, seed: int) -> Graph:
    """The same graph, its nodes handling their failures in some way."""
    dice = random.Random(seed)
    nodes = [
        node(key, each.kind, join=each.node.join, on_error=dice.choice(list(OnError)))
        for key, each in flow.nodes.items()
    ]
    edges = [f"{edge.source}.{edge.port} -> {edge.target}" for edge in flow.flow.edges]
    return graph(*nodes, edges=tuple(edges))
