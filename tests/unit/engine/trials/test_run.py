"""Running a version in memory: calls are answered, waits pass, what has no answer stops, and every bound holds."""

from datetime import timedelta
from itertools import pairwise

import pytest

from engine.errors import Category, LimitExceeded
from engine.model.base import ExecutionId, ExecutorId
from engine.model.execution import ExecutionRecord, Failure, Status, StepRecord, StepStatus
from engine.model.node import (
    ConditionSpec,
    ConnectorSpec,
    DelaySpec,
    Node,
    NodeKind,
    OnError,
    RetryPolicy,
    TransformSpec,
)
from engine.trials.answers import AnsweredBy, GivenAnswer
from engine.trials.run import MOST_STEPS, TrialStatus, run_trial
from engine.trials.virtual import MemoryRecords
from tests.unit.engine.flows import NOON, graph, node
from tests.unit.engine.trials.stage import occasion, ran, stage


def call(key: str, *, retry: RetryPolicy | None = None, on_error: OnError = OnError.FAIL, **inputs: object) -> Node:
    spec = ConnectorSpec(use="a.b", inputs=inputs)
    return node(key, NodeKind.CONNECTOR, spec=spec, retry=retry, on_error=on_error)


def failed(path: str, attempt: int, seq: int, *, last: bool) -> StepRecord:
    return StepRecord(
        path=path,
        node=path,
        attempt=attempt,
        seq=seq,
        status=StepStatus.FAILED if last else StepStatus.RETRYING,
        started_at=NOON,
        finished_at=NOON,
        error=Failure(code="gone", message="away", category=Category.TRANSIENT, step=path),
        due_at=None if last else NOON + timedelta(seconds=1),
    )


async def test_a_recorded_answer_is_that_of_the_same_visit_and_the_call_is_shown_as_it_would_be_made() -> None:
    flow = graph(call("ask", n="{{ trigger.data }}"), "after", edges=("ask -> after",))
    done = await ran(flow, {"ask": {"price": 3}}, data=7)

    again = await run_trial(flow, occasion(8), stage(tuple(done.steps)))

    assert again.status is TrialStatus.SUCCEEDED
    assert again.calls is not None
    seen = again.calls["ask", 1]
    assert (seen.inputs, seen.answered_by) == ({"n": 8}, AnsweredBy.RECORDED)
    assert again.steps[0].output == {"price": 3}


async def test_a_wait_passes_at_once_and_now_moves_on_with_it() -> None:
    spec = TransformSpec(template="{{ now }}")
    flow = graph(
        node("sleep", NodeKind.DELAY, spec=DelaySpec(duration="1h")), node("when", spec=spec), edges=("sleep -> when",)
    )

    run = await run_trial(flow, occasion(), stage())

    assert (run.status, run.output) == (TrialStatus.SUCCEEDED, (NOON + timedelta(hours=1)).isoformat())


async def test_retries_are_answered_attempt_by_attempt() -> None:
    policy = RetryPolicy(max_attempts=2, jitter=False)
    records = (failed("ask", 1, 1, last=False), failed("ask", 2, 2, last=True))

    twice = await run_trial(graph(call("ask", retry=policy)), occasion(), stage(records))
    once = await run_trial(graph(call("ask")), occasion(), stage(records))
    thrice = await run_trial(graph(call("ask", retry=RetryPolicy(max_attempts=3))), occasion(), stage(records))

    assert [(s.attempt, s.status) for s in twice.steps] == [(1, StepStatus.RETRYING), (2, StepStatus.FAILED)]
    assert [(s.attempt, s.status) for s in once.steps] == [(1, StepStatus.FAILED)]
    assert (thrice.status, thrice.unanswered) == (TrialStatus.INCOMPLETE, ("ask",))


async def test_a_call_without_an_answer_stops_its_branch_and_no_other() -> None:
    flow = graph(call("ask"), "after", "beside", edges=("ask -> after",))

    run = await run_trial(flow, occasion(), stage())

    assert (run.status, run.unanswered) == (TrialStatus.INCOMPLETE, ("ask",))
    assert run.reason == "no recorded answer for ask"
    assert {step.path for step in run.steps} == {"ask", "beside"}


async def test_a_given_answer_counts_before_a_recorded_one_and_may_be_a_failure() -> None:
    flow = graph(call("ask", on_error=OnError.ROUTE), "good", "bad", edges=("ask -> good", "ask.error -> bad"))
    done = await ran(flow, {"ask": 1})
    failure = Failure(code="gone", message="away", step="ask")

    other = await run_trial(flow, occasion(), stage(tuple(done.steps), {"ask": GivenAnswer(output=2)}))
    failing = await run_trial(flow, occasion(), stage(tuple(done.steps), {"ask": GivenAnswer(failure=failure)}))

    assert other.steps[0].output == 2
    assert [step.path for step in failing.steps] == ["ask", "bad"]


async def test_more_steps_than_a_trial_may_have_end_it() -> None:
    names = tuple(f"n{i}" for i in range(MOST_STEPS + 5))
    flow = graph(
        *names,
        edges=tuple(f"{a} -> {b}" for a, b in pairwise(names)),
    )

    run = await run_trial(flow, occasion(), stage())

    assert run.status is TrialStatus.STOPPED
    assert f"more than {MOST_STEPS} steps" in run.reason


@pytest.mark.parametrize("spec", [DelaySpec(duration="1s"), None])
async def test_a_trial_that_takes_too_long_is_stopped(spec: DelaySpec | None) -> None:
    made = [node(f"n{i}", NodeKind.DELAY, spec=spec) if spec else node(f"n{i}") for i in range(300)]
    flow = graph(*made, edges=tuple(f"n{i} -> n{i + 1}" for i in range(299)))

    run = await run_trial(flow, occasion(), stage(elapsed=0.1))

    assert (run.status, run.reason) == (TrialStatus.STOPPED, "the trial took longer than 10s")


async def test_an_expression_that_fails_is_a_failed_trial_and_no_error() -> None:
    flow = graph(node("a", NodeKind.CONDITION, spec=ConditionSpec(test="trigger.data > 1")))

    run = await run_trial(flow, occasion("text"), stage())

    assert run.status is TrialStatus.FAILED
    assert run.error is not None
    assert run.error.step == "a"


async def test_a_recorded_answer_leaves_by_the_port_that_it_left_by() -> None:
    """What waits for somebody may leave by other ports than main."""
    flow = graph(call("ask"), "late", edges=("ask.timeout -> late",))
    record = StepRecord(
        path="ask",
        node="ask",
        attempt=1,
        seq=1,
        status=StepStatus.SUCCEEDED,
        started_at=NOON,
        finished_at=NOON,
        ports=("timeout",),
    )

    run = await run_trial(flow, occasion(), stage((record,)))

    assert [step.path for step in run.steps] == ["ask", "late"]


async def test_larger_outputs_than_a_trial_may_hold_end_it() -> None:
    records = MemoryRecords(largest=100)
    flow = graph(call("a"), call("b"), edges=("a -> b",))
    done = await ran(flow, {"a": "x" * 60, "b": "y" * 60})
    record = ExecutionRecord(
        id=ExecutionId("x"), owner=ExecutorId("trial"), epoch=1, status=Status.RUNNING, steps=tuple(done.steps)
    )

    with pytest.raises(LimitExceeded, match="over 100 bytes"):
        await records.record(record)


async def test_an_output_as_large_as_an_executor_takes_is_answered() -> None:
    flow = graph(call("ask"))

    run = await ran(flow, {"ask": "x" * 3_000_000})

    assert run.status is TrialStatus.SUCCEEDED
