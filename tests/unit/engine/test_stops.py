"""Debugging as the executor does it: where an execution stops, that nobody stops twice, and what edits change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from engine.attempts import Tools
from engine.drive import drive
from engine.errors import RemoteUnavailable
from engine.graph import Graph, compile_graph
from engine.model.action import Effect
from engine.model.base import ExecutorId, Json, VersionId
from engine.model.debugging import BREAKPOINT, Breakpoint, DebugPlan, When, mark_path
from engine.model.execution import ExecutionRecord, Note, Status, StepRecord, StepStatus
from engine.model.node import Body, ConditionSpec, Edge, LoopSpec, Node, NodeKind, RetryPolicy, TransformSpec
from engine.model.workflow import Definition, Variable
from tests.unit.engine.flows import NOON, graph, node
from tests.unit.engine.test_drive import Bench, FakeEffects, FakeRecorder, call

LINE = ("a", "b", "c")
STEPPING = DebugPlan(stepping=True)


def at(key: str, when: When = When.BEFORE, condition: str | None = None) -> DebugPlan:
    return DebugPlan(breakpoints=(Breakpoint(node=key, when=when, condition=condition),))


def line() -> Graph:
    return graph(*(transform(key, f"{{{{ input ~ '{key}' }}}}") for key in LINE), edges=("a -> b", "b -> c"))


def transform(key: str, template: Json) -> Node:
    return node(key, spec=TransformSpec(template=template))


@dataclass
class Debugger:
    """One execution from owner to owner; what is recorded is what the next one claims."""

    flow: Graph
    data: Json = ""
    actions: Mapping[str, Json] = field(default_factory=dict)
    bench: Bench = field(default_factory=Bench)
    stored: dict[tuple[str, int], StepRecord] = field(default_factory=dict)

    async def drive(self, plan: DebugPlan | None) -> ExecutionRecord:
        """Claim it with what is stored and drive it to rest."""
        recorder = FakeRecorder(self.bench.log)
        effects = FakeEffects(self.bench.log, self.actions, Effect.KEYED)
        tools = Tools(
            owner=ExecutorId("me"),
            effects={NodeKind.CONNECTOR: effects},
            recorder=recorder,
            clock=self.bench.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: True,
        )
        claimed = self.bench.claimed(self.flow, data=self.data, steps=self.steps())
        await drive(replace(claimed, debug=plan), self.flow, tools)
        self.stored.update({(step.path, step.attempt): step for record in recorder.records for step in record.steps})
        return recorder.last

    def steps(self) -> tuple[StepRecord, ...]:
        return tuple(sorted(self.stored.values(), key=lambda step: step.seq))

    def ran(self) -> list[str]:
        return [step.path for step in self.steps() if not step.is_mark]

    def stands(self) -> tuple[str | None, str]:
        """The side and the path of the last stop."""
        mark = [step for step in self.steps() if step.note is Note.STOPPED][-1]
        return mark.wait_reason, mark.path.rpartition("@")[0]

    def edit(self, target: str, node: str, output: Json, *, assigned: Mapping[str, Json] | None = None) -> None:
        seq = max((step.seq for step in self.steps()), default=0) + 1
        record = StepRecord(
            path=mark_path(target, seq),
            node=node,
            attempt=1,
            seq=seq,
            status=StepStatus.SUCCEEDED,
            started_at=NOON,
            finished_at=NOON,
            output=output,
            assigned=assigned,
            note=Note.EDITED,
        )
        self.stored[record.path, 1] = record


async def test_an_execution_stops_before_a_node_and_goes_on_from_there_once() -> None:
    debugger = Debugger(line())

    first = await debugger.drive(at("b"))
    stood, ran = debugger.stands(), debugger.ran()
    second = await debugger.drive(at("b"))

    assert (first.status, first.wait_reason, first.due_at) == (Status.PAUSED, BREAKPOINT, None)
    assert (stood, ran) == (("before", "b"), ["a"])
    assert (second.status, second.output) == (Status.SUCCEEDED, "abc")
    assert debugger.ran() == ["a", "b", "c"]


async def test_an_execution_stops_after_a_node_also_after_the_last_one() -> None:
    debugger = Debugger(line())
    plan = DebugPlan(breakpoints=(Breakpoint(node="a", when=When.AFTER), Breakpoint(node="c", when=When.AFTER)))

    stops = []
    while (await debugger.drive(plan)).status is Status.PAUSED:
        stops.append((debugger.stands(), len(debugger.ran())))

    assert stops == [(("after", "a"), 1), (("after", "c"), 3)]


async def test_stepping_runs_one_node_at_a_time() -> None:
    debugger = Debugger(line())

    stops = []
    while (await debugger.drive(STEPPING)).status is Status.PAUSED:
        stops.append((debugger.stands()[1], tuple(debugger.ran())))

    assert stops == [("a", ()), ("b", ("a",)), ("c", ("a", "b"))]
    assert debugger.ran() == ["a", "b", "c"]


async def test_a_step_from_behind_a_node_is_a_whole_one() -> None:
    debugger = Debugger(line())

    await debugger.drive(at("a", When.AFTER))
    await debugger.drive(STEPPING)

    assert (debugger.stands(), debugger.ran()) == (("before", "c"), ["a", "b"])


async def test_when_one_branch_stops_no_other_begins_anything_and_what_was_let_through_is_called() -> None:
    flow = graph(call("x"), call("y"), "x2", "y2", edges=("x -> x2", "y -> y2"))
    debugger = Debugger(flow, actions={"x": 1, "y": 2})

    record = await debugger.drive(at("y"))
    calls = list(debugger.bench.log)
    ended = await debugger.drive(at("y"))

    assert record.status is Status.PAUSED
    assert [entry for entry in calls if entry.startswith("call")] == ["call x x"]
    assert debugger.ran()[:1] == ["x"]
    assert ended.status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("condition", "stops"),
    [
        ("trigger.data == 'go'", True),
        ("input == 'goa'", True),
        ("steps.a == 'other'", False),
        ("vars.none.such > 1", True),
        ("1 +", True),
    ],
)
async def test_a_condition_sees_what_the_node_sees_and_one_that_fails_stops(condition: str, stops: bool) -> None:
    debugger = Debugger(line(), data="go")

    record = await debugger.drive(at("b", condition=condition))

    assert (record.status is Status.PAUSED) is stops


async def test_a_condition_behind_a_node_sees_what_it_gave() -> None:
    plan = DebugPlan(
        breakpoints=(
            Breakpoint(node="a", when=When.AFTER, condition="input == 'x'"),
            Breakpoint(node="b", when=When.AFTER, condition="input == 'ab' and steps.b == 'ab'"),
        )
    )
    debugger = Debugger(line())

    await debugger.drive(plan)

    assert debugger.stands() == ("after", "b")


async def test_an_executor_that_died_behind_a_breakpoint_leaves_it_to_the_next_one() -> None:
    """The record was committed, and the stop was not."""
    debugger = Debugger(line())
    await debugger.drive(at("b", When.AFTER))
    debugger.stored = {key: step for key, step in debugger.stored.items() if not step.is_mark}

    record = await debugger.drive(at("b", When.AFTER))

    assert record.status is Status.PAUSED
    assert (debugger.stands(), debugger.ran()) == (("after", "b"), ["a", "b"])


async def test_what_was_recorded_before_the_plan_was_made_stops_nothing() -> None:
    debugger = Debugger(line())
    await debugger.drive(at("b"))
    plan = replace(at("a", When.AFTER), since=max(step.seq for step in debugger.steps()))

    record = await debugger.drive(plan)

    assert record.status is Status.SUCCEEDED


async def test_an_edited_input_is_what_the_node_gets_whatever_its_template_says() -> None:
    given = replace(transform("b", "{{ input }}"), input="from {{ steps.a }}", has_input=True)
    flow = graph(transform("a", "A"), given, edges=("a -> b",))
    debugger = Debugger(flow)
    await debugger.drive(at("b"))

    debugger.edit("b", "b", {"edited": True})
    record = await debugger.drive(at("b"))

    assert record.output == {"edited": True}


async def test_an_edited_input_passes_through_a_node_that_passes_it_on() -> None:
    choose = node("b", NodeKind.CONDITION, spec=ConditionSpec(test="input > 5"))
    flow = graph(transform("a", 1), choose, transform("c", "{{ input }}"), edges=("a -> b", "b.true -> c"))
    debugger = Debugger(flow)
    await debugger.drive(at("b"))

    debugger.edit("b", "b", 9)
    record = await debugger.drive(None)

    assert record.output == 9


async def test_an_edited_output_is_seen_by_name_and_by_those_it_had_arrived_at() -> None:
    flow = graph(transform("a", "A"), transform("b", "{{ input }}{{ steps.a }}"), edges=("a -> b",))
    debugger = Debugger(flow)
    await debugger.drive(at("b"))

    debugger.edit("a", "a", "Z")
    record = await debugger.drive(at("b"))

    assert record.output == "ZZ"


async def test_an_edited_output_reaches_a_join_that_still_gathers() -> None:
    flow = graph(transform("a", "A"), transform("b", "B"), transform("j", "{{ input }}"), edges=("a -> j", "b -> j"))
    debugger = Debugger(flow)
    await debugger.drive(at("b"))

    debugger.edit("a", "a", "Z")
    record = await debugger.drive(at("b"))

    assert record.output == {"a": "Z", "b": "B"}


async def test_an_edited_variable_is_replaced_not_merged() -> None:
    flow = graph(
        node("a", assign={"n": 5}),
        transform("b", "{{ vars.n }}"),
        edges=("a -> b",),
        variables={"n": Variable(type="number", default=0)},
    )
    debugger = Debugger(flow)
    await debugger.drive(at("b"))

    debugger.edit("b", "b", None, assigned={"n": 40})
    record = await debugger.drive(at("b"))

    assert record.output == 40


async def test_the_stop_is_before_a_visit_and_not_before_each_of_its_attempts() -> None:
    flow = graph(call("x", retry=RetryPolicy(max_attempts=2, jitter=False)))
    debugger = Debugger(flow, actions={"x": RemoteUnavailable("away")})

    statuses = []
    for _ in range(3):
        statuses.append((await debugger.drive(STEPPING)).status)
        debugger.bench.clock.advance(10)

    assert statuses == [Status.PAUSED, Status.WAITING, Status.FAILED]
    assert [(step.path, step.attempt) for step in debugger.steps() if not step.is_mark] == [("x", 1), ("x", 2)]


async def test_an_execution_that_nobody_debugs_records_no_marks() -> None:
    debugger = Debugger(line())

    record = await debugger.drive(None)

    assert record.status is Status.SUCCEEDED
    assert [step for step in debugger.steps() if step.is_mark] == []


def loop() -> Graph:
    """Doubles each item, after a step before the loop and with one behind it."""
    body = Body(
        nodes={
            "double": transform("double", "{{ item * steps.a }}"),
            "show": transform("show", "{{ steps.double }} of {{ index }}"),
        },
        edges=(Edge(source="double", port="main", target="show"),),
    )
    each = node("each", NodeKind.LOOP, spec=LoopSpec(over="{{ trigger.data }}", body=body))
    return graph(transform("a", 2), each, edges=("a -> each",))


async def test_a_breakpoint_in_a_loop_stops_in_every_iteration_or_where_its_condition_holds() -> None:
    every, one = Debugger(loop(), data=[1, 2, 3]), Debugger(loop(), data=[1, 2, 3])

    stops = []
    while (await every.drive(at("each.double"))).status is Status.PAUSED:
        stops.append(every.stands()[1])
    await one.drive(at("each.double", When.AFTER, "item == 2 and input == 4"))

    assert stops == ["each[0].double", "each[1].double", "each[2].double"]
    assert one.stands() == ("after", "each[1].double")


async def test_stepping_goes_through_the_nodes_of_each_iteration() -> None:
    debugger = Debugger(loop(), data=[1, 2])

    stops = []
    while (await debugger.drive(STEPPING)).status is Status.PAUSED:
        stops.append(debugger.stands()[1])

    assert stops == ["a", "each", "each[0].double", "each[0].show", "each[1].double", "each[1].show"]


async def test_what_is_edited_inside_an_iteration_is_seen_there_and_what_is_edited_around_it_everywhere() -> None:
    debugger = Debugger(loop(), data=[1, 2])
    await debugger.drive(at("each.show"))

    debugger.edit("each[0].double", "each.double", 100)
    debugger.edit("a", "a", 10)
    await debugger.drive(at("each.show"))
    record = await debugger.drive(at("each.show"))

    assert record.output == ["100 of 0", "20 of 1"]


async def test_stepping_goes_on_through_what_comes_last() -> None:
    last = Body(nodes={"bye": transform("bye", 1)})
    definition = Definition(name="t", nodes={"a": transform("a", 1)}, edges=(), closing=last)
    debugger = Debugger(compile_graph(definition, VersionId("v")))

    stops = []
    while (await debugger.drive(STEPPING)).status is Status.PAUSED:
        stops.append(debugger.stands()[1])

    assert stops == ["a", "finally.bye"]


async def test_what_comes_last_can_be_edited_too() -> None:
    last = Body(nodes={"bye": transform("bye", "{{ input }}")})
    definition = Definition(name="t", nodes={"a": transform("a", 1)}, edges=(), closing=last)
    debugger = Debugger(compile_graph(definition, VersionId("v")))
    await debugger.drive(at("finally.bye"))

    debugger.edit("finally.bye", "finally.bye", "edited")
    record = await debugger.drive(at("finally.bye"))

    assert record.status is Status.SUCCEEDED
    assert debugger.steps()[-1].output == "edited"
