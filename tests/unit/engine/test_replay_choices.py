"""What a replay from a step takes over is a state that an execution can be in, for every graph and every history."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Conflict, InvalidDefinition, InvalidRequest
from engine.graph import Graph
from engine.model.base import EventId, ExecutionId, ProjectId, VersionId, WorkflowId, new_id
from engine.model.execution import Execution, Failure, Status, StepRecord, StepStatus
from engine.model.node import NodeKind
from engine.model.outcome import Failed, Outcome
from engine.model.workflow import Lane
from engine.planner import apply, begin
from engine.replay_choices import Choice
from engine.state import Visit
from engine.taking_over import kept_records
from tests.fakes import START as NOW
from tests.unit.engine.flows import graph, node
from tests.unit.engine.hub import Parts
from tests.unit.engine.random_graphs import JOINS, choose, graphs, run


def ended(status: Status = Status.FAILED) -> Execution:
    return Execution(
        id=ExecutionId(new_id()),
        project_id=ProjectId(new_id()),
        workflow_id=WorkflowId(new_id()),
        version_id=VersionId(new_id()),
        trigger_id=None,
        trigger_key="t",
        event_id=EventId(new_id()),
        rerun_of=None,
        status=status,
        lane=Lane.NORMAL,
        epoch=1,
        owner=None,
        created_at=NOW,
        woken_at=NOW,
        started_at=NOW,
        finished_at=NOW,
        due_at=None,
        wait_reason=None,
        output=None,
        error=None,
        response=None,
    )


def record(path: str, seq: int, status: StepStatus = StepStatus.SUCCEEDED) -> StepRecord:
    ports = ("main",) if status is StepStatus.SUCCEEDED else ()
    return StepRecord(
        path=path,
        node=path.partition("#")[0],
        attempt=1,
        seq=seq,
        status=status,
        started_at=NOW,
        finished_at=NOW,
        ports=ports,
        error=Failure(code="x", message="x") if status is StepStatus.FAILED else None,
    )


FORK = graph(*(node(name, NodeKind.TRANSFORM) for name in "abcd"), edges=("a -> b", "b -> c", "a -> d"))


def paths(records: list[StepRecord]) -> list[str]:
    return [one.path for one in records]


@given(graphs(joins=JOINS), st.integers(), st.randoms(use_true_random=False), st.integers(0, 8), st.data())
def test_what_is_kept_folds_and_leaves_the_chosen_step_to_run(
    flow: Graph, seed: int, order: random.Random, bad: int, data: st.DataObject
) -> None:
    def outcome(visit: Visit) -> Outcome:
        if visit.node.key == f"n{bad}":
            return Failed(failure=Failure(code="x", message="x"))
        return choose(seed, visit)

    _, records = run(flow, outcome, order)
    chosen = data.draw(st.sampled_from(records))

    kept = kept_records(flow, ended(), records, chosen.path, now=NOW)

    state = begin(flow, "t", "data")
    for each in kept:
        apply(state, each)
    assert chosen.path in state.pending
    assert state.ending is None
    before = [each for each in records if each.seq < chosen.seq and each.status is StepStatus.SUCCEEDED]
    assert set(paths(before)) <= set(paths(kept))


def test_only_the_step_and_what_follows_from_it_run_again() -> None:
    records = [record("a", 1), record("b", 2), record("d", 3), record("c", 4)]

    assert paths(kept_records(FORK, ended(), records, "b", now=NOW)) == ["a", "d"]
    assert kept_records(FORK, ended(), records, "a", now=NOW) == []


def test_what_finally_did_comes_again_at_the_new_end() -> None:
    records = [record("a", 1), record("b", 2), record("finally.tell", 3)]

    assert paths(kept_records(FORK, ended(), records, "b", now=NOW)) == ["a"]


def test_an_earlier_visit_of_a_cycle_is_kept() -> None:
    b = node("b", NodeKind.CONDITION)
    again = graph(node("a", NodeKind.TRANSFORM), b, edges=("a -> b", "b.true -> a"))
    records = [record("a", 1), replace(record("b", 2), ports=("true",)), record("a#2", 3), record("b#2", 4)]

    assert paths(kept_records(again, ended(), records, "a#2", now=NOW)) == ["a", "b"]


def test_another_branch_is_tried_again_where_it_failed_and_waits_on_where_it_waited() -> None:
    failed = [record("a", 1), record("b", 2), record("d", 3, StepStatus.FAILED)]
    waited = [record("a", 1), record("b", 2), record("d", 3, StepStatus.CANCELLED)]

    kept = kept_records(FORK, ended(), failed, "b", now=NOW)
    on = kept_records(FORK, ended(), waited, "b", now=NOW + timedelta(hours=1))

    assert paths(kept) == ["a"]
    assert [(one.path, one.status, one.due_at) for one in on] == [
        ("a", StepStatus.SUCCEEDED, None),
        ("d", StepStatus.WAITING, NOW + timedelta(hours=1)),
    ]


def test_a_step_that_never_ran_is_no_beginning() -> None:
    with pytest.raises(Conflict, match='no recorded step "c"; recorded: a, b'):
        kept_records(FORK, ended(), [record("a", 1), record("b", 2)], "c", now=NOW)


def test_a_cancelled_execution_is_not_taken_up_in_the_middle() -> None:
    with pytest.raises(Conflict, match="calls under way"):
        kept_records(FORK, ended(Status.CANCELLED), [record("a", 1)], "a", now=NOW)


async def test_an_input_schema_that_cannot_be_used_is_refused_when_it_is_saved(parts: Parts) -> None:
    with pytest.raises(InvalidDefinition, match="input_schema: is no JSON Schema"):
        await parts.publish(
            "name: orders\ntriggers: {by_hand: {type: manual, input_schema: {type: string, pattern: '(?=x)'}}}\n"
            "nodes: {a: {type: transform, value: 1}}\n"
        )


@pytest.mark.parametrize("begin", ["failed", "charge"])
@pytest.mark.parametrize("choice", [{"published": True}, {"edited": True, "data": 1}])
def test_the_middle_goes_with_the_version_and_the_input_of_its_beginning(begin: str, choice: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="replay from start"):
        Choice(begin=begin, **choice).check()  # type: ignore[arg-type]


def test_a_step_inside_another_is_no_beginning() -> None:
    with pytest.raises(Conflict, match='replay from "each"'):
        kept_records(FORK, ended(), [record("each[0].a", 1)], "each[0].a", now=NOW)


def test_what_was_taken_back_is_replayed_from_the_start() -> None:
    undone = replace(record("a.undo", 2), node="a.undo")
    with pytest.raises(Conflict, match="taken back"):
        kept_records(FORK, ended(), [record("a", 1), undone], "a", now=NOW)
