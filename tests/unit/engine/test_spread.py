"""Loops that are spread over child executions: what a part is given, what it runs, and what becomes of the whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from engine.attempts import Tools
from engine.definition import parse_definition
from engine.drive import drive
from engine.errors import InvalidDefinition
from engine.graph import Graph, compile_graph
from engine.model.base import ExecutionId, ExecutorId, Json, JsonObject, VersionId
from engine.model.execution import Claimed, Execution, Status, StepRecord
from engine.model.lineage import PartsOrder
from engine.model.node import NodeKind
from engine.nodes.spread import SpreadHandler, cut
from engine.repositories.children import Child
from tests.unit.engine.test_drive import Bench, FakeRecorder
from tests.unit.engine.test_replay_choices import ended

TEXT = """
name: spread
variables: {unused: {default: 1}, plus: {type: number, default: 5}}
nodes:
  before: {type: transform, value: 10}
  aside: {type: transform, value: "not named inside"}
  each:
    type: loop
    over: "{{ trigger.data.items }}"
    spread_over: 2
    timeout: 1h
    body:
      nodes:
        sum: {type: transform, value: "{{ item + steps.before + vars.plus + trigger.data.more }}"}
        told: {type: transform, value: {index: "{{ index }}", sum: "{{ steps.sum }}"}}
      edges: [sum -> told]
  count: {type: transform, value: "{{ steps.each | length }}"}
edges: [before -> each, aside -> each, each -> count]
"""
DATA: JsonObject = {"items": [1, 2, 3, 4, 5], "more": 100}
RESULTS = [{"index": index, "sum": item + 115} for index, item in enumerate(DATA["items"])]


def compiled(text: str = TEXT) -> Graph:
    return compile_graph(parse_definition(text)[0], VersionId("v"))


@dataclass
class FakeParts:
    """Runs no part; a test says how each of them ends."""

    orders: list[PartsOrder] = field(default_factory=list)
    ends: dict[str, Execution] = field(default_factory=dict)
    given_up: list[ExecutionId] = field(default_factory=list)

    async def begin(self, order: PartsOrder) -> Sequence[Child] | None:
        self.orders.append(order)
        return [Child(slot=slot, execution=self._of(slot)) for slot in order.parts]

    async def give_up(self, order: PartsOrder, parts: Sequence[ExecutionId]) -> None:
        del order
        self.given_up += parts

    def _of(self, slot: str) -> Execution:
        return replace(self.ends.get(slot, ended(Status.RUNNING)), id=ExecutionId(slot))


@dataclass
class Spread:
    """The loop's own execution; parts are played by the test, or really run."""

    bench: Bench = field(default_factory=Bench)
    parts: FakeParts = field(default_factory=FakeParts)

    async def run(self, graph: Graph, *, data: Json = DATA, steps: tuple[StepRecord, ...] = ()) -> FakeRecorder:
        claimed = self.bench.claimed(graph, data=data, steps=steps)
        return await self._drive(claimed, graph)

    async def part(self, graph: Graph, slot: str) -> Json:
        """Really run a part that was ordered."""
        order = self.parts.orders[-1]
        alone = graph.part(order.entry)
        claimed = replace(self.bench.claimed(alone, data=order.parts[slot], steps=()), entry=order.entry)
        recorder = await self._drive(claimed, alone)
        return recorder.last.output

    async def _drive(self, claimed: Claimed, graph: Graph) -> FakeRecorder:
        bench, recorder = self.bench, FakeRecorder([])
        tools = Tools(
            owner=ExecutorId("me"),
            effects={NodeKind.LOOP: SpreadHandler(self.parts)},
            recorder=recorder,
            clock=bench.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: True,
        )
        await drive(claimed, graph, tools)
        return recorder


def test_items_are_cut_into_parts_that_know_their_place() -> None:
    assert cut({"over": [1, 2, 3], "spread": 2}) == [{"over": [1, 2], "first": 0}, {"over": [3], "first": 2}]
    assert cut({"times": 5, "spread": 3}) == [{"times": 3, "first": 0}, {"times": 2, "first": 3}]


async def test_a_part_gets_what_its_body_names_and_nothing_else() -> None:
    spread = Spread()
    recorder = await spread.run(compiled())

    assert recorder.last.status is Status.WAITING
    assert recorder.last.wait_reason == "child"
    order = spread.parts.orders[-1]
    assert (order.path, order.entry, list(order.parts)) == ("each", "each", ["0", "2", "4"])
    assert order.parts["4"] == {
        "names": {},
        "steps": {"before": 10},
        "vars": {"plus": 5},
        "trigger": DATA,
        "opening": {"over": [5], "first": 4},
    }


async def test_parts_run_the_iterations_and_their_results_are_put_together_in_order() -> None:
    spread, graph = Spread(), compiled()
    stored = (await spread.run(graph)).stored()
    for slot in ("4", "0", "2"):
        spread.parts.ends[slot] = replace(ended(Status.SUCCEEDED), output=await spread.part(graph, slot))
    spread.bench.clock.advance(timedelta(hours=2))

    recorder = await spread.run(graph, steps=stored)

    steps = {step.path: step for step in recorder.stored()}
    assert steps["each"].output == RESULTS
    assert recorder.last.output == 5


async def test_one_part_that_failed_fails_the_loop_and_the_others_are_given_up() -> None:
    spread, graph = Spread(), compiled()
    stored = (await spread.run(graph)).stored()
    error: JsonObject = {"code": "x", "message": "broken", "category": "business", "step": "each[2].sum"}
    spread.parts.ends["2"] = replace(ended(Status.FAILED), error=error)
    spread.bench.clock.advance(timedelta(minutes=30))

    recorder = await spread.run(graph, steps=stored)
    spread.bench.clock.advance(timedelta(hours=1))
    recorder = await spread.run(graph, steps=recorder.stored() or stored)

    assert recorder.last.status is Status.FAILED
    assert recorder.last.error is not None
    assert (recorder.last.error.code, recorder.last.error.step) == ("x", "each[2].sum")
    assert spread.parts.given_up == ["0", "4"]


async def test_parts_that_take_longer_than_the_loop_may_are_given_up() -> None:
    spread, graph = Spread(), compiled()
    stored = (await spread.run(graph)).stored()
    spread.bench.clock.advance(timedelta(hours=1, seconds=1))

    recorder = await spread.run(graph, steps=stored)

    assert recorder.last.error is not None
    assert recorder.last.error.code == "step_timeout"
    assert spread.parts.given_up == ["0", "2", "4"]


async def test_few_items_are_not_spread() -> None:
    spread = Spread()
    recorder = await spread.run(compiled(), data={**DATA, "items": [1, 2]})

    assert not spread.parts.orders
    assert recorder.last.output == 2


@pytest.mark.parametrize(
    ("inside", "word"),
    [
        ("{type: stop}", "a stop node"),
        ("{type: respond}", "a respond node"),
        ("{type: transform, value: 1, assign: {plus: 1}}", "assign"),
    ],
)
def test_what_belongs_to_one_execution_cannot_be_in_a_body_that_is_spread(inside: str, word: str) -> None:
    text = TEXT.replace("edges: [sum -> told]", "edges: [sum -> told, told -> bad]").replace(
        "        told:", f"        bad: {inside}\n        told:"
    )
    with pytest.raises(InvalidDefinition) as refused:
        parse_definition(text)

    [problem] = refused.value.problems
    assert problem.place == "nodes.each.body.nodes.bad"
    assert problem.message.startswith(word)
