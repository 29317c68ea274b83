"""Wait nodes: what they wait for, until when, and what the last look finds."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from engine.attempts import Tools
from engine.drive import drive
from engine.graph import Graph
from engine.model.arrival import Arrival, Awaited
from engine.model.base import ExecutionId, ExecutorId, Json, ProjectId
from engine.model.execution import Claimed, Execution, ExecutionRecord, Status, StepStatus
from engine.model.node import NodeKind, TransformSpec
from engine.model.waiting import EventWish, WaitSpec
from engine.nodes.wait import WaitHandler
from tests.fakes import FakeClock
from tests.unit.engine.flows import graph, node
from tests.unit.engine.test_drive import Bench

HOUR = timedelta(hours=1)


class FakeLinks:
    def callback(self, execution_id: ExecutionId, path: str) -> str:
        return f"https://hub/{execution_id}/{path}"

    def approval(self, execution_id: ExecutionId, path: str, assignee: str) -> str:
        return f"https://hub/{execution_id}/{path}/{assignee}"


@dataclass
class FakeLatecomers:
    """What the database would tell at the last look."""

    arrivals: tuple[Arrival, ...] = ()
    asked: list[str] = field(default_factory=list)

    async def of(self, execution_id: ExecutionId, path: str) -> tuple[Arrival, ...]:
        self.asked.append(path)
        return self.arrivals


class FakeWatches:
    """Nothing to watch: these wait for callbacks."""

    async def watch(self, project: ProjectId, execution_id: ExecutionId, path: str, target: ExecutionId) -> Execution:
        raise AssertionError(target)

    async def subscribe(self, project: ProjectId, execution_id: ExecutionId, path: str, wish: EventWish) -> None:
        raise AssertionError(wish)

    async def forget(self, execution_id: ExecutionId, path: str) -> None:
        raise AssertionError(path)


@dataclass
class Waiting:
    """Drives one execution again and again, as owners after each other would."""

    flow: Graph
    bench: Bench
    latecomers: FakeLatecomers = field(default_factory=FakeLatecomers)

    async def run(self, *arrivals: Arrival) -> ExecutionRecord:
        tools = Tools(
            owner=ExecutorId("me"),
            effects={NodeKind.WAIT: WaitHandler(self.latecomers, FakeWatches())},
            recorder=self.bench.recorder,
            clock=self.bench.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: True,
            links=FakeLinks(),
        )
        by_path = {each.path: (each,) for each in arrivals}
        claimed = self.bench.claimed(self.flow, data=None, steps=self.bench.recorder.stored())
        fields = {name: getattr(claimed, name) for name in Claimed.__dataclass_fields__}
        await drive(Claimed(**{**fields, "arrivals": by_path}), self.flow, tools)
        return self.bench.recorder.last

    def arrival(self, payload: Json, path: str = "ask") -> Arrival:
        now = self.bench.clock.now()
        return Arrival(execution_id=ExecutionId("x"), path=path, kind=Awaited.CALLBACK, payload=payload, arrived_at=now)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def waiting(clock: FakeClock, *, limit: timedelta | None = HOUR) -> Waiting:
    ask = node("ask", NodeKind.WAIT, spec=WaitSpec(awaited=Awaited.CALLBACK, limit=limit))
    tell = node("tell", spec=TransformSpec(template="{{ execution.callbacks.ask }}"))
    flow = graph(
        tell, ask, "then", node("late", spec=TransformSpec(template="late")),
        edges=("tell -> ask", "ask -> then", "ask.timeout -> late"),
    )  # fmt: skip
    return Waiting(flow, Bench(clock=clock))


async def test_a_wait_stands_until_its_limit_and_then_leaves_by_timeout(clock: FakeClock) -> None:
    flow = waiting(clock)

    first = await flow.run()
    clock.advance(HOUR)
    last = await flow.run()

    assert (first.status, first.wait_reason, first.due_at) == (Status.WAITING, "callback", clock.now())
    assert (last.status, last.output, flow.latecomers.asked) == (Status.SUCCEEDED, "late", ["ask"])


async def test_what_came_is_the_output_also_when_the_time_is_up(clock: FakeClock) -> None:
    flow = waiting(clock)
    await flow.run()
    clock.advance(HOUR)

    await flow.run(flow.arrival({"ok": 1}))

    (asked,) = [step for step in flow.bench.recorder.stored() if step.path == "ask"]
    assert (asked.status, asked.ports, asked.output) == (StepStatus.SUCCEEDED, ("main",), {"ok": 1})
    assert flow.latecomers.asked == [], "the claim told it"


async def test_what_came_after_the_claim_is_found_by_the_last_look(clock: FakeClock) -> None:
    flow = waiting(clock)
    await flow.run()
    clock.advance(HOUR)
    flow.latecomers.arrivals = (flow.arrival("just in time"),)

    await flow.run()

    assert [s.output for s in flow.bench.recorder.stored() if s.path == "ask"] == ["just in time"]


async def test_being_woken_early_changes_nothing(clock: FakeClock) -> None:
    flow = waiting(clock)
    first = await flow.run()
    clock.advance(60)

    again = await flow.run(flow.arrival(1, "somewhere else"))

    assert (again.status, again.due_at) == (Status.WAITING, first.due_at)


async def test_without_a_limit_it_waits_as_long_as_the_execution_may_take(clock: FakeClock) -> None:
    flow = waiting(clock, limit=None)

    first = await flow.run()

    assert first.due_at == clock.now() + flow.flow.settings.timeout
    clock.advance(flow.flow.settings.timeout)
    assert (await flow.run()).status is Status.WAITING, "a replay gave it more time, so it waits on"


async def test_the_link_is_known_before_the_wait_begins(clock: FakeClock) -> None:
    flow = waiting(clock)

    await flow.run()

    assert [s.output for s in flow.bench.recorder.stored() if s.path == "tell"] == ["https://hub/x/ask"]
