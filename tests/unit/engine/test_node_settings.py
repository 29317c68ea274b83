"""The settings that any node may have: what is disabled or pinned does not run, and history says so."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.history import history
from engine.model.base import Json
from engine.model.execution import Note, StepRecord
from engine.model.node import Node, NodeKind, OnError, RespondSpec
from engine.model.workflow import Variable
from tests.unit.engine.flows import graph, node
from tests.unit.engine.test_drive import Bench, call, transform


def disabled(each: Node) -> Node:
    return replace(each, disabled=True)


def pinned(each: Node, value: Json, *, assign: Mapping[str, Json] | None = None) -> Node:
    return replace(each, pin=value, has_pin=True, assign=dict(assign or {}))


def notes(bench: Bench) -> dict[str, Note | None]:
    return {record.path: record.note for record in bench.recorder.stored()}


async def test_a_disabled_connector_is_not_called_and_passes_its_input_on() -> None:
    bench = Bench()
    flow = graph(disabled(call("pay")), transform("after", "{{ input.n + steps.pay.n }}"), edges=("pay -> after",))

    end = await bench.run(flow, {"pay": 1}, data={"n": 2})

    assert bench.log == ["commit succeeded pay:succeeded,after:succeeded"]
    assert end.output == 4
    assert notes(bench) == {"pay": Note.DISABLED, "after": None}


@pytest.mark.parametrize("kind", [NodeKind.TRANSFORM, NodeKind.DELAY])
async def test_a_disabled_node_of_any_kind_with_main_does_nothing(kind: NodeKind) -> None:
    end = await Bench().run(graph(disabled(node("n", kind)), "x"), data={"a": 1})

    assert end.output == {"n": {"a": 1}, "x": "x"}


async def test_a_disabled_respond_node_answers_nobody() -> None:
    answer = node("answer", NodeKind.RESPOND, spec=RespondSpec(body="hello"))

    assert (await Bench().run(graph(disabled(answer)))).response is None


async def test_a_disabled_node_sets_no_variables_and_renders_nothing() -> None:
    setting = replace(disabled(call("n")), assign={"v": 1}, input="{{ 1 / 0 }}", has_input=True)
    flow = graph(setting, transform("seen", "{{ vars.v }}"), edges=("n -> seen",), variables={"v": Variable()})

    assert (await Bench().run(flow)).output is None


async def test_a_disabled_node_with_several_inbound_edges_gives_what_arrived_by_node() -> None:
    flow = graph("a", "b", disabled(call("n")), edges=("a -> n", "b -> n"))

    assert (await Bench().run(flow)).output == {"a": "x", "b": "x"}


async def test_the_input_that_a_disabled_node_passes_on_is_stored_once_and_shown_again() -> None:
    bench = Bench()
    flow = graph(transform("a", {"big": 1}), disabled(call("n")), edges=("a -> n",))
    await bench.run(flow)

    stored = bench.recorder.stored()

    assert stored[1].output is None
    assert history(flow, "t", None, stored).steps[1].output == {"big": 1}


async def test_the_next_owner_knows_what_a_disabled_node_passed_on() -> None:
    bench = Bench()
    flow = graph(disabled(call("n")), call("pay"), call("last"), edges=("n -> pay", "pay -> last"))
    await bench.run(flow, {"pay": 5}, data=3)
    recorded = bench.recorder.records[0].steps

    end = await bench.run(flow, {"last": 9}, data=3, steps=recorded)

    assert [step.path for step in recorded] == ["n", "pay"]
    assert end.output == 9


async def test_a_pinned_connector_is_not_called_and_gives_the_pinned_output() -> None:
    bench = Bench()
    flow = graph(pinned(call("ask"), {"rate": 2}), transform("after", "{{ steps.ask.rate }}"), edges=("ask -> after",))

    end = await bench.run(flow, {"ask": {"rate": 7}})

    assert bench.log == ["commit succeeded ask:succeeded,after:succeeded"]
    assert end.output == 2
    assert notes(bench) == {"ask": Note.PINNED, "after": None}


async def test_null_can_be_pinned() -> None:
    assert (await Bench().run(graph(pinned(transform("n", "not null"), None)))).output is None


async def test_holes_in_a_pinned_value_stay_as_they_are() -> None:
    assert (await Bench().run(graph(pinned(call("n"), "{{ 1 }}")))).output == "{{ 1 }}"


async def test_a_pinned_delay_lets_no_time_pass_and_keeps_its_output() -> None:
    bench = Bench()
    end = await bench.run(graph(pinned(node("n", NodeKind.DELAY), "at once")))

    assert end.output == "at once"
    assert bench.clock.now() - end.steps[0].started_at == timedelta(0)
    assert end.steps[0].output == "at once"


async def test_a_pinned_output_sets_variables_like_any_other() -> None:
    flow = graph(
        pinned(call("n"), {"a": 1}, assign={"v": "{{ steps.n.a + 1 }}"}),
        transform("seen", "{{ vars.v }}"),
        edges=("n -> seen",),
        variables={"v": Variable()},
    )

    assert (await Bench().run(flow)).output == 2


async def test_disabled_wins_over_pin() -> None:
    assert (await Bench().run(graph(disabled(pinned(call("n"), 1))), data=2)).output == 2


async def test_a_pinned_node_that_could_route_its_error_leaves_by_main() -> None:
    risky = replace(call("n", on_error=OnError.ROUTE), pin=1, has_pin=True)
    flow = graph(risky, "good", "bad", edges=("n -> good", "n.error -> bad"))
    bench = Bench()

    await bench.run(flow)

    assert set(notes(bench)) == {"n", "good"}


async def test_a_step_that_ran_has_no_note() -> None:
    bench = Bench()
    await bench.run(graph(call("n")), {"n": 1})

    records: tuple[StepRecord, ...] = bench.recorder.stored()
    assert [record.note for record in records] == [None]
