"""An execution that ends leaves no step behind that seems to wait, to be tried again or to be open."""

from datetime import timedelta

import pytest

from engine.model.action import Effect
from engine.model.execution import StepStatus
from engine.model.node import NodeKind
from tests.unit.engine.flows import graph, node
from tests.unit.engine.test_drive import Bench, call


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_wait_that_is_over_when_the_next_owner_finds_a_call_of_unknown_outcome_is_cancelled(
    bench: Bench,
) -> None:
    bench.effect = Effect.UNREPEATABLE
    flow = graph(node("wait", NodeKind.DELAY), call("pay"))
    await bench.run(flow, {"pay": 1})
    announced = [record for commit in bench.recorder.records[:1] for record in commit.steps]
    bench.clock.advance(timedelta(hours=1))

    end = await bench.run(flow, {"pay": 1}, steps=tuple(announced))

    assert [step.path for step in announced] == ["wait", "pay"]
    assert {step.path: step.status for step in end.steps} == {
        "pay": StepStatus.UNKNOWN,
        "wait": StepStatus.CANCELLED,
    }
