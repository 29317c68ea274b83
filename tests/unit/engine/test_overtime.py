"""When an execution's time is up: its records say so, and whoever takes over goes on with what comes after the work."""

import asyncio
from datetime import timedelta

import pytest

from engine.graph import Graph, compile_graph
from engine.model.base import VersionId
from engine.model.execution import ExecutionRecord, Status, StepStatus
from engine.model.node import Body, ConnectorSpec, Edge, Node, NodeKind
from engine.model.workflow import Definition, WorkflowSettings
from engine.nodes.base import Attempt
from tests.unit.engine.flows import node
from tests.unit.engine.test_drive import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def connector(key: str, undo: Node | None = None) -> Node:
    return Node(key=key, kind=NodeKind.CONNECTOR, spec=ConnectorSpec(use="a.b"), undo=undo)


def saga() -> Graph:
    """A call that can be taken back, an hour's delay in an execution of half an hour, and a last word."""
    definition = Definition(
        name="saga",
        nodes={"buy": connector("buy", connector("undo")), "wait": node("wait", NodeKind.DELAY)},
        edges=(Edge(source="buy", port="main", target="wait"),),
        closing=Body(nodes={"tell": connector("tell")}),
        settings=WorkflowSettings(timeout=timedelta(minutes=30)),
    )
    return compile_graph(definition, VersionId("v"))


async def test_the_next_owner_goes_on_with_the_undos_of_an_execution_that_was_out_of_time(bench: Bench) -> None:
    flow = saga()
    await bench.run(flow, {"buy": 1})
    bench.clock.advance(timedelta(minutes=30))
    await die_during(bench, flow, "tell")
    bench.clock.advance(60)

    end = await take_over(bench, flow)

    assert (end.status, end.error and end.error.code) == (Status.FAILED, "execution_timeout")
    assert [line for line in bench.log if line.startswith("call buy.undo")] == ["call buy.undo buy.undo"]
    assert {step.path: step.status for step in bench.recorder.stored()} == {
        "buy": StepStatus.SUCCEEDED,
        "wait": StepStatus.CANCELLED,
        "buy.undo": StepStatus.SUCCEEDED,
        "finally.tell": StepStatus.SUCCEEDED,
    }


async def die_during(bench: Bench, flow: Graph, key: str) -> None:
    """Take over, and be killed when the call at ``key`` has begun."""
    begun = asyncio.Event()

    async def hang(_: Attempt) -> None:
        begun.set()
        await asyncio.Event().wait()

    drive = asyncio.ensure_future(take_over(bench, flow, {key: hang}))
    await asyncio.wait([drive, asyncio.ensure_future(begun.wait())], return_when=asyncio.FIRST_COMPLETED)
    drive.cancel()
    await asyncio.wait([drive])


async def take_over(bench: Bench, flow: Graph, actions: dict[str, object] | None = None) -> ExecutionRecord:
    """Run as the next owner, whose claim has the deadline that is stored."""
    extended = [record.deadline_at for record in bench.recorder.records if record.deadline_at]
    deadline_at = extended[-1] if extended else bench.clock.now()
    return await bench.run(flow, actions, steps=bench.recorder.stored(), deadline_at=deadline_at)
