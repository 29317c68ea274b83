"""Each pure node kind: what it gives, by which port, and how bad input is refused."""

from datetime import timedelta

import pytest

from engine.errors import InvalidInput
from engine.graph import Graph
from engine.model.base import ExecutionId, Json, JsonObject, ProjectId
from engine.model.execution import Response
from engine.model.node import (
    Case,
    ConditionSpec,
    DelaySpec,
    MergeSpec,
    NodeKind,
    NodeSpec,
    RespondSpec,
    StopSpec,
    SwitchSpec,
    TransformSpec,
)
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended
from engine.nodes import PURE
from engine.nodes.base import Attempt
from engine.state import Token
from tests.unit.engine.flows import NOON, graph, lone_visit, node


def attempt(kind: NodeKind, spec: NodeSpec, *, arrivals: tuple[Token, ...] = (), data: Json = None) -> Attempt:
    flow: Graph = graph(node("n", kind, spec=spec))
    scope: JsonObject = {"trigger": {"data": data}, "steps": {}, "vars": {}, "input": data, "now": NOON.isoformat()}
    visit = lone_visit(flow.nodes["n"], arrivals=arrivals)
    deadline = NOON + timedelta(days=1)
    return Attempt(visit, scope, data, NOON, deadline, ExecutionId("x"), ProjectId("p"))


def run(kind: NodeKind, spec: NodeSpec, *, arrivals: tuple[Token, ...] = (), data: Json = None) -> Outcome:
    return PURE[kind](attempt(kind, spec, arrivals=arrivals, data=data))


def output(outcome: Outcome) -> Json:
    assert isinstance(outcome, Succeeded)
    return outcome.output


def ports(outcome: Outcome) -> tuple[str, ...]:
    assert isinstance(outcome, Succeeded)
    return outcome.ports


def test_transform_renders_a_mapping_with_types() -> None:
    spec = TransformSpec(
        template={"n": "{{ trigger.data.n }}", "text": "n is {{ trigger.data.n }}", "fixed": [1, None]}
    )

    assert output(run(NodeKind.TRANSFORM, spec, data={"n": 3})) == {"n": 3, "text": "n is 3", "fixed": [1, None]}


@pytest.mark.parametrize(("data", "port"), [(101, "true"), (100, "false")])
def test_condition_leaves_by_what_the_test_says(data: int, port: str) -> None:
    outcome = run(NodeKind.CONDITION, ConditionSpec(test="trigger.data > 100"), data=data)

    assert ports(outcome) == (port,)
    assert output(outcome) == data


CASES = (Case(when="input > 1", port="small"), Case(when="input > 10", port="big"))


@pytest.mark.parametrize(
    ("value", "all_matching", "taken"),
    [(5, False, ("small",)), (50, False, ("small",)), (50, True, ("small", "big")), (0, True, ("default",))],
)
def test_switch_takes_the_first_case_or_all_or_the_default(
    value: int, all_matching: bool, taken: tuple[str, ...]
) -> None:
    assert ports(run(NodeKind.SWITCH, SwitchSpec(cases=CASES, all_matching=all_matching), data=value)) == taken


def arrived(*values: Json) -> tuple[Token, ...]:
    return tuple(Token(live=True, source=f"s{index}", output=value) for index, value in enumerate(values))


@pytest.mark.parametrize(
    ("combine", "values", "whole"),
    [
        ("list", ({"a": 1}, 2), [{"a": 1}, 2]),
        ("object", ({"a": 1, "b": 1}, {"b": 2}), {"a": 1, "b": 2}),
        ("first", (1, 2), 1),
        ("concat", ([1], [2, 3]), [1, 2, 3]),
    ],
)
def test_merge_combines_what_arrived(combine: str, values: tuple[Json, ...], whole: Json) -> None:
    assert output(run(NodeKind.MERGE, MergeSpec(combine=combine), arrivals=arrived(*values))) == whole


@pytest.mark.parametrize(("combine", "needs"), [("object", "mappings"), ("concat", "lists")])
def test_merge_names_the_node_that_gave_the_wrong_kind(combine: str, needs: str) -> None:
    with pytest.raises(InvalidInput, match=f'{needs}, but "s0" gave a number'):
        run(NodeKind.MERGE, MergeSpec(combine=combine), arrivals=arrived(5))


@pytest.mark.parametrize(
    ("spec", "due_in"),
    [
        (DelaySpec(duration="1h30m"), timedelta(minutes=90)),
        (DelaySpec(duration="{{ input }}"), timedelta(seconds=2)),
        (DelaySpec(until="'2026-03-01T14:00:00+01:00'"), timedelta(hours=1)),
        (DelaySpec(until=str((NOON + timedelta(minutes=1)).timestamp())), timedelta(minutes=1)),
    ],
)
def test_delay_suspends_until_its_time(spec: DelaySpec, due_in: timedelta) -> None:
    assert run(NodeKind.DELAY, spec, data=2) == Suspended(due_at=NOON + due_in, reason="delay")


def test_delay_does_not_wait_for_a_time_that_has_passed() -> None:
    assert output(run(NodeKind.DELAY, DelaySpec(until="'2020-01-01T00:00:00Z'"), data="in")) == "in"


def test_delay_woken_at_its_time_succeeds_with_its_input() -> None:
    woken = attempt(NodeKind.DELAY, DelaySpec(duration="1h"), data="in")
    woken.visit.due_at, woken.visit.reason = NOON, "delay"

    assert output(PURE[NodeKind.DELAY](woken)) == "in"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (DelaySpec(duration="{{ input }}"), "needs a duration"),
        (DelaySpec(duration="{{ 'soon' }}"), '"soon" is not a duration'),
        (DelaySpec(duration="367d"), "more than 366 days"),
        (DelaySpec(duration="999999999d"), "longer than 366 days"),
        (DelaySpec(until="'2026-03-01T14:00:00'"), "with a zone"),
        (DelaySpec(until="'tomorrow'"), "with a zone"),
    ],
)
def test_delay_refuses_what_is_no_time(spec: DelaySpec, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        run(NodeKind.DELAY, spec, data=[1])


def test_respond_renders_status_headers_and_body() -> None:
    spec = RespondSpec(status="{{ input }}", headers={"x-id": "{{ input }}"}, body={"n": "{{ input }}"})

    outcome = run(NodeKind.RESPOND, spec, data=201)

    assert isinstance(outcome, Succeeded)
    assert outcome.response == Response(status=201, headers={"x-id": "201"}, body={"n": 201})
    assert outcome.output == {"status": 201, "headers": {"x-id": "201"}, "body": {"n": 201}}


@pytest.mark.parametrize("status", [199, 600, "many", None, True, 200.5])
def test_respond_refuses_a_status_that_is_none(status: Json) -> None:
    with pytest.raises(InvalidInput, match="is not a number from 200 to 599"):
        run(NodeKind.RESPOND, RespondSpec(status=status))


@pytest.mark.parametrize(("name", "value"), [("x-a", "a\r\nset-cookie: b"), ("x a", "b"), ("x-a", "ü"), ("", "b")])
def test_respond_refuses_headers_that_http_cannot_carry(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="cannot carry"):
        run(NodeKind.RESPOND, RespondSpec(headers={name: value}))


def test_stop_succeeds_with_its_output_or_fails_with_its_message() -> None:
    good = run(NodeKind.STOP, StopSpec(output="{{ input }}"), data=5)
    bad = run(NodeKind.STOP, StopSpec(succeeded=False, message="no stock of {{ input }}"), data=5)

    assert (output(good), ports(good)) == (5, ())
    assert isinstance(bad, Failed)
    assert (bad.failure.code, bad.failure.message) == ("stopped", "no stock of 5")
