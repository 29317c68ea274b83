"""Driving one execution: what is committed when, what a crash leaves, and how each outcome ends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from engine.attempts import Tools
from engine.calls import Calls
from engine.drive import drive
from engine.errors import InvalidInput, PatchbayError, RemoteRejected, RemoteUnavailable
from engine.graph import Graph
from engine.journal import OwnershipLost
from engine.model.action import Effect
from engine.model.base import EventId, ExecutionId, ExecutorId, Json, ProjectId, VersionId, WorkflowId
from engine.model.execution import Claimed, ExecutionRecord, Status, StepRecord, StepStatus
from engine.model.node import ConnectorSpec, DelaySpec, Node, NodeKind, OnError, RespondSpec, RetryPolicy, TransformSpec
from engine.model.outcome import Outcome, Succeeded
from engine.model.workflow import Variable, WorkflowSettings
from engine.nodes.base import Attempt
from engine.results import KnownResults, NoResults
from tests.fakes import FakeClock
from tests.unit.engine.flows import graph, node

Act = Callable[[Attempt], Awaitable[Json]]


@dataclass
class FakeRecorder:
    """Keeps what is committed; ``log`` is shared with the calls, to see what came before what."""

    log: list[str]
    records: list[ExecutionRecord] = field(default_factory=list)
    counts: bool = True

    async def record(self, record: ExecutionRecord, *, reply_to: str | None = None) -> bool:
        del reply_to
        self.records.append(record)
        self.log.append(f"commit {record.status} {','.join(f'{s.path}:{s.status}' for s in record.steps)}".rstrip())
        return self.counts

    @property
    def last(self) -> ExecutionRecord:
        return self.records[-1]

    def stored(self) -> tuple[StepRecord, ...]:
        """What the steps table holds after these commits."""
        rows = {(s.path, s.attempt): s for record in self.records for s in record.steps}
        return tuple(sorted(rows.values(), key=lambda step: step.seq))


@dataclass
class FakeCall:
    attempt: Attempt
    act: Act
    effect: Effect

    async def perform(self) -> Outcome:
        return Succeeded(output=await self.act(self.attempt))


@dataclass
class FakeEffects:
    """Runs connector nodes by key; an action may be a value to return or an error to raise."""

    log: list[str]
    actions: Mapping[str, Json | PatchbayError | Act]
    effect: Effect = Effect.KEYED

    def prepare(self, attempt: Attempt) -> FakeCall:
        action = self.actions.get(attempt.node.key)

        async def act(each: Attempt) -> Json:
            self.log.append(f"call {each.visit.path} {each.idempotency_key.partition(':')[2]}")
            if isinstance(action, Exception):
                raise action
            return await action(each) if callable(action) else action

        return FakeCall(attempt, act, self.effect)


@dataclass
class Bench:
    """An executor's tools with everything observable."""

    clock: FakeClock = field(default_factory=FakeClock)
    log: list[str] = field(default_factory=list)
    effect: Effect = Effect.KEYED
    alive: bool = True
    largest_output_bytes: int = 2000
    results: KnownResults = field(default_factory=NoResults)
    pausing: set[ExecutionId] = field(default_factory=set)
    calls: Calls = field(default_factory=Calls)

    def __post_init__(self) -> None:
        self.recorder = FakeRecorder(self.log)

    async def run(
        self,
        flow: Graph,
        actions: Mapping[str, object] | None = None,
        *,
        data: Json = None,
        steps: tuple[StepRecord, ...] = (),
        deadline_at: datetime | None = None,
    ) -> ExecutionRecord:
        tools = Tools(
            owner=ExecutorId("me"),
            effects={NodeKind.CONNECTOR: FakeEffects(self.log, actions or {}, self.effect)},
            recorder=self.recorder,
            clock=self.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: self.alive,
            results=self.results,
            largest_output_bytes=self.largest_output_bytes,
            pausing=self.pausing,
            calls=self.calls,
        )
        claimed = self.claimed(flow, data=data, steps=steps)
        await drive(replace(claimed, deadline_at=deadline_at or claimed.deadline_at), flow, tools)
        return self.recorder.last

    def claimed(self, flow: Graph, *, data: Json, steps: tuple[StepRecord, ...]) -> Claimed:
        now = self.clock.now()
        return Claimed(
            id=ExecutionId("x"),
            project_id=ProjectId("p"),
            workflow_id=WorkflowId("w"),
            version_id=VersionId("v"),
            trigger_key="t",
            event_id=EventId("e"),
            epoch=1,
            created_at=now,
            woken_at=now,
            deadline_at=now + flow.settings.timeout,
            reply_to=None,
            occurred_at=now,
            envelope={},
            data=data,
            steps=steps,
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def call(
    key: str, *, retry: RetryPolicy | None = None, on_error: OnError = OnError.FAIL, timeout: timedelta | None = None
) -> Node:
    made = node(key, NodeKind.CONNECTOR, spec=ConnectorSpec(use="a.b"), retry=retry, on_error=on_error)
    return made if timeout is None else replace(made, timeout=timeout)


def transform(key: str, template: Json) -> Node:
    return node(key, spec=TransformSpec(template=template))


async def test_an_execution_of_pure_nodes_costs_one_commit(bench: Bench) -> None:
    flow = graph(
        transform("a", "{{ trigger.data.n + 1 }}"), transform("b", {"n": "{{ steps.a * 2 }}"}), edges=("a -> b",)
    )

    end = await bench.run(flow, data={"n": 1})

    assert bench.log == ["commit succeeded a:succeeded,b:succeeded"]
    assert end.output == {"n": 4}


async def test_an_outcome_is_committed_before_the_next_effect_begins(bench: Bench) -> None:
    flow = graph(
        call("one"), transform("shape", "{{ steps.one }}"), call("two"), edges=("one -> shape", "shape -> two")
    )

    await bench.run(flow, {"one": 1, "two": 2})

    assert bench.log == [
        "call one one",
        "commit running one:succeeded,shape:succeeded",
        "call two two",
        "commit succeeded two:succeeded",
    ]


async def test_an_unrepeatable_call_is_announced_before_it_is_made(bench: Bench) -> None:
    bench.effect = Effect.UNREPEATABLE

    await bench.run(graph(call("pay")), {"pay": 1})

    assert bench.log == ["commit running pay:running", "call pay pay", "commit succeeded pay:succeeded"]


async def test_a_call_that_an_earlier_owner_announced_is_not_repeated_but_unknown(bench: Bench) -> None:
    bench.effect = Effect.UNREPEATABLE
    await bench.run(graph(call("pay")), {"pay": 1})
    announced = bench.recorder.records[0].steps
    bench.log.clear()

    end = await bench.run(graph(call("pay")), {"pay": 1}, steps=announced)

    assert bench.log == ["commit failed pay:unknown"]
    assert end.error is not None
    assert end.error.code == "outcome_unknown"
    assert end.dead_letter is not None


async def test_the_next_owner_goes_on_behind_the_recorded_steps(bench: Bench) -> None:
    flow = graph(call("one"), call("two"), edges=("one -> two",))
    await bench.run(flow, {"one": 1, "two": 2})
    recorded = bench.recorder.records[0].steps
    bench.log.clear()

    end = await bench.run(flow, {"one": "again", "two": 2}, steps=recorded)

    assert bench.log == ["call two two", "commit succeeded two:succeeded"]
    assert end.output == 2


async def test_after_losing_ownership_nothing_more_is_called(bench: Bench) -> None:
    bench.recorder.counts = False
    flow = graph(call("one"), call("two"), edges=("one -> two",))

    with pytest.raises(OwnershipLost):
        await bench.run(flow, {"one": 1, "two": 2})

    assert [line for line in bench.log if line.startswith("call")] == ["call one one"]


async def test_an_owner_that_may_have_been_given_up_proves_itself_before_calling(bench: Bench) -> None:
    bench.alive = False

    await bench.run(graph(call("one")), {"one": 1})

    assert bench.log[0] == "commit running"


async def test_parallel_calls_are_under_way_together(bench: Bench) -> None:
    both = asyncio.Barrier(2)

    async def meet(_: Attempt) -> Json:
        await both.wait()
        return "met"

    flow = graph(call("a"), call("b"), transform("end", "{{ steps.a }}{{ steps.b }}"), edges=("a -> end", "b -> end"))

    async with asyncio.timeout(5):
        end = await bench.run(flow, {"a": meet, "b": meet})

    assert end.output == "metmet"


async def test_a_delay_hands_the_execution_back_and_goes_on_when_due(bench: Bench) -> None:
    flow = graph(
        node("wait", NodeKind.DELAY, spec=DelaySpec(duration="1h")),
        transform("end", "{{ input }}"),
        edges=("wait -> end",),
    )

    rest = await bench.run(flow, data="in")
    assert (rest.status, rest.due_at, rest.wait_reason) == (
        Status.WAITING,
        bench.clock.now() + timedelta(hours=1),
        "delay",
    )

    early = await bench.run(flow, data="in", steps=bench.recorder.stored())
    assert early.due_at == rest.due_at, "woken too early, it waits for the same time"

    bench.clock.advance(timedelta(hours=1))
    end = await bench.run(flow, data="in", steps=bench.recorder.stored())
    assert (end.status, end.output) == (Status.SUCCEEDED, "in")
    step = bench.recorder.stored()[0]
    assert step.finished_at is not None
    assert step.finished_at - step.started_at == timedelta(hours=1), "the step lasted as long as it waited"


async def test_a_wait_beside_a_call_is_committed_while_the_call_runs(bench: Bench) -> None:
    async def look(_: Attempt) -> Json:
        while "commit running wait:waiting" not in bench.log:
            await asyncio.sleep(0)
        return 1

    flow = graph(node("wait", NodeKind.DELAY, spec=DelaySpec(duration="1h")), call("slow"))

    async with asyncio.timeout(5):
        rest = await bench.run(flow, {"slow": look})

    assert rest.status is Status.WAITING


async def test_a_retry_waits_in_the_database_and_uses_the_same_idempotency_key(bench: Bench) -> None:
    flow = graph(call("one", retry=RetryPolicy(max_attempts=2, delay=timedelta(seconds=5), jitter=False)))

    rest = await bench.run(flow, {"one": RemoteUnavailable("503")})
    assert (rest.status, rest.wait_reason) == (Status.WAITING, "retry")
    bench.clock.advance(5)
    end = await bench.run(flow, {"one": "fine"}, steps=bench.recorder.stored())

    assert (end.status, end.output) == (Status.SUCCEEDED, "fine")
    assert [line for line in bench.log if line.startswith("call")] == ["call one one", "call one one"]
    assert [(step.attempt, step.status) for step in bench.recorder.stored()] == [
        (1, StepStatus.RETRYING),
        (2, StepStatus.SUCCEEDED),
    ]


async def test_a_refusal_fails_the_execution_with_a_dead_letter_that_names_the_step(bench: Bench) -> None:
    end = await bench.run(graph(call("one")), {"one": RemoteRejected("404 no such order 4711")})

    assert end.status is Status.FAILED
    assert end.error is not None
    assert (end.error.code, end.error.step) == ("remote_rejected", "one")
    assert end.dead_letter is not None
    assert end.dead_letter.step == "one"


async def test_a_failure_ends_the_waits_of_other_branches(bench: Bench) -> None:
    flow = graph(node("wait", NodeKind.DELAY, spec=DelaySpec(duration="1h")), call("bad"))

    await bench.run(flow, {"bad": InvalidInput("no")})

    assert {(step.path, step.status) for step in bench.recorder.stored()} == {
        ("wait", StepStatus.CANCELLED),
        ("bad", StepStatus.FAILED),
    }


async def test_whatever_a_connector_raises_becomes_a_failure_of_the_step(bench: Bench) -> None:
    async def crash(_: Attempt) -> Json:
        raise ZeroDivisionError("oops")

    end = await bench.run(graph(call("one")), {"one": crash})

    assert end.error is not None
    assert end.error.code == "internal_error"
    assert "ZeroDivisionError" in end.error.message


async def test_an_output_over_the_limit_fails_the_step_and_names_the_limit(bench: Bench) -> None:
    end = await bench.run(graph(call("one")), {"one": "x" * 3000})

    assert end.error is not None
    assert (end.error.code, "2000" in end.error.message) == ("limit_exceeded", True)


@pytest.mark.parametrize("depth", [201, 5000])
async def test_an_output_nested_too_deeply_is_refused(bench: Bench, depth: int) -> None:
    deep: Json = 1
    for _ in range(depth):
        deep = [deep]

    end = await bench.run(graph(call("one")), {"one": deep})

    assert end.error is not None
    assert (end.error.code, "200 deep" in end.error.message) == ("limit_exceeded", True)


async def test_an_output_nested_as_deeply_as_allowed_is_kept(bench: Bench) -> None:
    deep: Json = 1
    for _ in range(200):
        deep = {"in": deep}

    assert (await bench.run(graph(call("one")), {"one": deep})).output == deep


async def test_a_value_that_repeats_a_large_part_is_refused_before_it_is_written(bench: Bench) -> None:
    parts = ", ".join(["trigger.data"] * 40)

    end = await bench.run(graph(transform("a", "{{ [" + parts + "] }}")), data="x" * 100)

    assert end.error is not None
    assert (end.error.code, end.error.step) == ("limit_exceeded", "a")


async def test_an_expression_that_fails_is_a_failure_of_its_step(bench: Bench) -> None:
    end = await bench.run(graph(transform("a", "{{ 1 / trigger.data }}")), data=0)

    assert end.error is not None
    assert (end.error.code, end.error.step) == ("invalid_expression", "a")


async def test_time_that_is_up_fails_the_execution_and_names_the_setting(bench: Bench) -> None:
    settings = WorkflowSettings(timeout=timedelta(minutes=30))
    flow = graph(node("wait", NodeKind.DELAY, spec=DelaySpec(duration="1h")), settings=settings)

    rest = await bench.run(flow)
    assert rest.due_at == bench.clock.now() + timedelta(minutes=30), "it is woken when its time is up"
    claimed = bench.claimed(flow, data=None, steps=bench.recorder.stored())
    bench.clock.advance(timedelta(minutes=30))
    late = replace(claimed, deadline_at=bench.clock.now())
    tools = Tools(
        owner=ExecutorId("me"),
        effects={},
        recorder=bench.recorder,
        clock=bench.clock,
        jitter=lambda: 0.0,
        is_alive=lambda: True,
    )
    await drive(late, flow, tools)

    end = bench.recorder.last
    assert end.error is not None
    assert (end.status, end.error.code) == (Status.FAILED, "execution_timeout")
    assert "settings.timeout" in end.error.message


async def test_a_response_is_committed_before_what_follows_it(bench: Bench) -> None:
    respond = node("answer", NodeKind.RESPOND, spec=RespondSpec(status=201, body={"ok": "{{ trigger.data }}"}))

    await bench.run(graph(respond, call("slow"), edges=("answer -> slow",)), {"slow": 1}, data=7)

    first = bench.recorder.records[0]
    assert bench.log[:2] == ["commit running answer:succeeded", "call slow slow"]
    assert first.response is not None
    assert (first.response.status, first.response.body) == (201, {"ok": 7})


async def test_the_first_of_two_responses_counts(bench: Bench) -> None:
    one = node("one", NodeKind.RESPOND, spec=RespondSpec(status=200, body="one"))
    two = node("two", NodeKind.RESPOND, spec=RespondSpec(status=500, body="two"))

    end = await bench.run(graph(one, two, edges=("one -> two",)))

    assert end.response is not None
    assert end.response.body == "one"


async def test_an_assignment_of_the_wrong_type_fails_the_step(bench: Bench) -> None:
    flow = graph(node("a", assign={"n": "text"}), variables={"n": Variable(type="number")})

    end = await bench.run(flow)

    assert end.error is not None
    assert end.error.code == "invalid_input"
    assert '"n" is declared as number' in end.error.message


async def test_a_step_can_assign_from_its_own_output(bench: Bench) -> None:
    first = node("a", spec=TransformSpec(template={"n": 5}), assign={"n": "{{ steps.a.n + 1 }}"})
    flow = graph(first, transform("b", "{{ vars.n }}"), edges=("a -> b",), variables={"n": Variable(type="number")})

    assert (await bench.run(flow)).output == 6


async def test_a_history_of_another_version_becomes_a_dead_letter_not_a_crash(bench: Bench) -> None:
    await bench.run(graph("a"))

    end = await bench.run(graph("other"), steps=bench.recorder.stored())

    assert end.error is not None
    assert (end.status, end.error.code) == (Status.FAILED, "corrupt_history")
