"""A kept output stands in for a call: for the same key, within its time, and without any effect."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from engine.errors import RemoteRejected, Unavailable
from engine.flow import CompiledNode
from engine.model.action import Effect
from engine.model.base import ExecutionId, Json, JsonObject, ProjectId, WorkflowId
from engine.model.execution import Note, Status
from engine.model.node import CachePolicy, ConnectorSpec, Node, NodeKind, OnError
from engine.model.workflow import Variable
from engine.nodes.base import Attempt
from engine.results import wish_to_keep
from tests.unit.engine.flows import NOON, graph, lone_visit, node
from tests.unit.engine.test_drive import Bench, FakeRecorder, call, transform

TEN_MINUTES = timedelta(minutes=10)


@dataclass
class FakeResults:
    """Finds what was committed to be kept, as the database would."""

    recorder: FakeRecorder
    away: bool = False
    asked: list[int] = field(default_factory=list)

    async def find(self, digests: Collection[str], *, now: datetime) -> Mapping[str, Json]:
        self.asked.append(len(digests))
        if self.away:
            raise Unavailable("the database is switched off")
        kept = [result for record in self.recorder.records for result in record.results]
        return {each.key.digest: each.output for each in kept if each.key.digest in digests and each.expires_at > now}


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.results = FakeResults(made.recorder)
    return made


def cached(each: Node, key: Json = "{{ trigger.data }}") -> Node:
    return replace(each, cache=CachePolicy(key=key, lifetime=TEN_MINUTES))


def calls(bench: Bench) -> list[str]:
    return [line for line in bench.log if line.startswith("call")]


def notes(bench: Bench) -> list[Note | None]:
    return [step.note for record in bench.recorder.records for step in record.steps]


async def test_a_second_execution_with_the_same_key_makes_no_call(bench: Bench) -> None:
    flow = graph(cached(call("n")))
    first = await bench.run(flow, {"n": {"a": 1}}, data=7)

    second = await bench.run(flow, {"n": "other"}, data=7)

    assert calls(bench) == ["call n n"]
    assert first.output == second.output == {"a": 1}
    assert notes(bench) == [None, Note.CACHED]


async def test_a_result_is_kept_with_the_step_it_comes_from(bench: Bench) -> None:
    end = await bench.run(graph(cached(call("n"))), {"n": 1}, data=7)

    [result] = end.results
    assert [step.path for step in end.steps] == ["n"]
    assert (result.key.node, result.output) == ("n", 1)
    assert result.expires_at == bench.clock.now() + TEN_MINUTES


async def test_a_cached_result_is_not_kept_anew_so_it_does_expire(bench: Bench) -> None:
    flow = graph(cached(call("n")))
    await bench.run(flow, {"n": 1}, data=7)
    bench.clock.advance(TEN_MINUTES - timedelta(seconds=1))

    again = await bench.run(flow, {"n": 2}, data=7)
    bench.clock.advance(1)
    last = await bench.run(flow, {"n": 3}, data=7)

    assert (again.output, again.results) == (1, ())
    assert last.output == 3


async def test_another_key_is_another_call(bench: Bench) -> None:
    flow = graph(cached(call("n"), key={"who": "{{ trigger.data }}", "what": "rates"}))
    await bench.run(flow, {"n": 1}, data="a")

    assert (await bench.run(flow, {"n": 2}, data="b")).output == 2


async def test_with_the_key_null_nothing_is_kept_and_nothing_found(bench: Bench) -> None:
    flow = graph(cached(call("n")))

    outputs = [(await bench.run(flow, {"n": value}, data=None)).output for value in (1, 2)]

    assert outputs == [1, 2]
    assert not any(record.results for record in bench.recorder.records)


async def test_a_failure_is_not_kept(bench: Bench) -> None:
    flow = graph(cached(call("n")))
    await bench.run(flow, {"n": RemoteRejected("no")}, data=7)

    assert (await bench.run(flow, {"n": 2}, data=7)).output == 2


async def test_an_error_that_goes_on_through_main_is_not_kept(bench: Bench) -> None:
    flow = graph(cached(call("n", on_error=OnError.CONTINUE)))
    await bench.run(flow, {"n": RemoteRejected("no")}, data=7)

    assert (await bench.run(flow, {"n": 2}, data=7)).output == 2


async def test_an_output_that_is_refused_is_not_kept(bench: Bench) -> None:
    flow = graph(replace(cached(call("n")), output_schema={"type": "integer"}))
    refused = await bench.run(flow, {"n": "text"}, data=7)

    assert refused.results == ()
    assert (await bench.run(flow, {"n": 2}, data=7)).output == 2


async def test_a_kept_output_is_checked_and_sets_variables_like_a_fresh_one(bench: Bench) -> None:
    setting = replace(cached(call("n")), assign={"v": "{{ steps.n + 1 }}"}, output_schema={"type": "integer"})
    flow = graph(setting, transform("seen", "{{ vars.v }}"), edges=("n -> seen",), variables={"v": Variable()})
    await bench.run(flow, {"n": 1}, data=7)
    assert (await bench.run(flow, {"n": 5}, data=7)).output == 2

    strict = replace(setting, output_schema={"type": "string"})
    end = await bench.run(graph(strict, "seen", edges=("n -> seen",), variables={"v": Variable()}), data=7)
    assert end.error is not None
    assert end.error.code == "invalid_output"


async def test_a_key_that_fails_fails_the_step_before_any_call(bench: Bench) -> None:
    end = await bench.run(graph(cached(call("n"), key="{{ 1 / 0 }}")), {"n": 1})

    assert calls(bench) == []
    assert end.error is not None
    assert end.error.code == "invalid_expression"


async def test_while_the_database_is_away_the_step_waits_and_makes_no_call(bench: Bench) -> None:
    results = FakeResults(bench.recorder, away=True)
    bench.results = results
    flow = graph(cached(call("n")))

    end = await bench.run(flow, {"n": 1}, data=7)

    assert calls(bench) == []
    assert (end.status, end.wait_reason) == (Status.WAITING, "database")

    results.away = False
    bench.clock.advance(1)
    assert (await bench.run(flow, {"n": 1}, data=7, steps=bench.recorder.stored())).output == 1


async def test_an_unrepeatable_call_that_is_not_made_is_not_announced(bench: Bench) -> None:
    bench.effect = Effect.UNREPEATABLE
    flow = graph(cached(call("pay")))
    await bench.run(flow, {"pay": 1}, data=7)
    bench.log.clear()

    await bench.run(flow, {"pay": 2}, data=7)

    assert bench.log == ["commit succeeded pay:succeeded"]


async def test_a_cached_result_is_committed_before_the_next_effect_begins(bench: Bench) -> None:
    flow = graph(cached(call("n")), call("next"), edges=("n -> next",))
    await bench.run(flow, {"n": 1, "next": 2}, data=7)
    bench.log.clear()

    await bench.run(flow, {"n": 1, "next": 2}, data=7)

    assert bench.log == ["commit running n:succeeded", "call next next", "commit succeeded next:succeeded"]


async def test_parallel_nodes_are_looked_up_together_and_those_without_a_cache_are_called(bench: Bench) -> None:
    flow = graph(cached(call("a")), cached(call("b")), call("c"))
    await bench.run(flow, {"a": 1, "b": 2, "c": 3}, data=7)
    bench.log.clear()

    end = await bench.run(flow, {"a": 0, "b": 0, "c": 4}, data=7)

    assert end.output == {"a": 1, "b": 2, "c": 4}
    assert calls(bench) == ["call c c"]
    assert isinstance(bench.results, FakeResults)
    assert bench.results.asked == [2, 2]


async def test_a_workflow_without_a_cache_asks_for_nothing(bench: Bench) -> None:
    await bench.run(graph(call("n")), {"n": 1})

    assert isinstance(bench.results, FakeResults)
    assert bench.results.asked == []


def other(spec: JsonObject) -> Node:
    return cached(node("n", NodeKind.CONNECTOR, spec=ConnectorSpec(**{"use": "a.b", **spec})))


@pytest.mark.parametrize("spec", [{"use": "a.c"}, {"connection": "mine"}, {"inputs": {"url": "https://example.com"}}])
async def test_a_change_of_what_is_called_begins_with_an_empty_cache(bench: Bench, spec: JsonObject) -> None:
    await bench.run(graph(other({})), {"n": 1}, data=7)

    assert (await bench.run(graph(other(spec)), {"n": 2}, data=7)).output == 2


async def test_the_order_of_inputs_and_of_the_key_does_not_matter(bench: Bench) -> None:
    first = replace(other({"inputs": {"a": 1, "b": 2}}), cache=CachePolicy(key={"x": 1, "y": 2}, lifetime=TEN_MINUTES))
    turned = replace(other({"inputs": {"b": 2, "a": 1}}), cache=CachePolicy(key={"y": 2, "x": 1}, lifetime=TEN_MINUTES))
    await bench.run(graph(first), {"n": 1}, data=7)

    assert (await bench.run(graph(turned), {"n": 2}, data=7)).output == 1


async def test_two_nodes_and_two_workflows_share_nothing(bench: Bench) -> None:
    await bench.run(graph(cached(call("n"))), {"n": 1}, data=7)
    assert (await bench.run(graph(cached(call("m"))), {"m": 2}, data=7)).output == 2

    flow = graph(cached(call("n")))
    claimed = bench.claimed(flow, data=7, steps=())
    digests = {
        keep.key.digest
        for owner in ("w", "other")
        if (keep := wish_to_keep(replace(claimed, workflow_id=WorkflowId(owner)), attempt_at(flow.nodes["n"])))
    }
    assert len(digests) == 2


def attempt_at(compiled: CompiledNode) -> Attempt:
    scope: JsonObject = {"trigger": {"data": 7}, "steps": {}, "vars": {}, "input": 7}
    visit = lone_visit(compiled)
    return Attempt(visit, scope, 7, NOON, NOON, ExecutionId("x"), ProjectId("p"))
