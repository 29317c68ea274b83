"""What a node takes and gives is checked against its schemas, and what does not fit is said with its place."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from engine.errors import DefinitionError
from engine.model.base import Json, JsonObject
from engine.model.execution import ExecutionRecord, Status
from engine.model.node import ConditionSpec, Node, NodeKind, OnError, RetryPolicy
from engine.model.workflow import Variable
from engine.value_schemas import ValueSchema
from tests.unit.engine.flows import graph, node
from tests.unit.engine.test_drive import Bench, call, transform

AMOUNTS: JsonObject = {
    "type": "object",
    "required": ["orders"],
    "properties": {"orders": {"type": "array", "items": {"properties": {"amount": {"type": "integer"}}}}},
}
GOOD: Json = {"orders": [{"amount": 1}]}
BAD: Json = {"orders": [{"amount": 1}, {"amount": "secret"}]}


def takes(each: Node, schema: JsonObject) -> Node:
    return replace(each, input_schema=schema)


def gives(each: Node, schema: JsonObject, *, assign: Mapping[str, Json] | None = None) -> Node:
    return replace(each, output_schema=schema, assign=dict(assign or {}))


def error(end: ExecutionRecord) -> tuple[str, str]:
    assert end.error is not None
    return end.error.code, end.error.message


async def test_a_good_input_and_a_good_output_change_nothing() -> None:
    bench = Bench()

    end = await bench.run(graph(gives(takes(call("n"), AMOUNTS), AMOUNTS)), {"n": GOOD}, data=GOOD)

    assert (end.status, end.output) == (Status.SUCCEEDED, GOOD)


async def test_a_connector_with_a_bad_input_is_not_called() -> None:
    bench = Bench()

    end = await bench.run(graph(takes(call("n"), AMOUNTS)), {"n": 1}, data=BAD)

    assert bench.log == ["commit failed n:failed"]
    where = 'input.orders[1].amount: the value is not of type "integer"'
    assert error(end) == ("invalid_input", f'"n" did not run, its input_schema is not satisfied: {where}')


async def test_the_input_is_checked_as_the_node_shapes_it() -> None:
    shaped = replace(takes(transform("n", "{{ input }}"), {"type": "integer"}), input="{{ 1 }}", has_input=True)

    assert (await Bench().run(graph(shaped), data="text")).output == 1


async def test_a_bad_output_fails_the_step_after_the_call() -> None:
    bench = Bench()

    end = await bench.run(graph(gives(call("n"), AMOUNTS)), {"n": {}})

    assert bench.log == ["call n n", "commit failed n:failed"]
    assert error(end) == (
        "invalid_output",
        '"n" ran, its output_schema is not satisfied: output: "orders" is a required property',
    )


async def test_a_call_with_a_bad_output_is_not_made_again() -> None:
    bench = Bench()

    await bench.run(graph(gives(call("n", retry=RetryPolicy(max_attempts=3)), AMOUNTS)), {"n": BAD})

    assert bench.log == ["call n n", "commit failed n:failed"]


async def test_a_bad_output_sets_no_variables() -> None:
    bad = replace(
        gives(call("n", on_error=OnError.CONTINUE), AMOUNTS, assign={"v": 1}),
    )
    flow = graph(bad, transform("seen", "{{ vars.v }}"), edges=("n -> seen",), variables={"v": Variable()})

    assert (await Bench().run(flow, {"n": BAD})).output is None


async def test_a_bad_output_leaves_by_the_port_error() -> None:
    flow = graph(
        gives(call("n", on_error=OnError.ROUTE), AMOUNTS),
        transform("told", "{{ steps.n.error.code }}"),
        "good",
        edges=("n -> good", "n.error -> told"),
    )

    assert (await Bench().run(flow, {"n": BAD})).output == "invalid_output"


async def test_a_bad_output_of_a_pure_node_is_refused() -> None:
    end = await Bench().run(graph(gives(transform("n", {"orders": 3}), AMOUNTS)))

    assert error(end)[0] == "invalid_output"
    assert error(end)[1].endswith('output.orders: the value is not of type "array"')


async def test_the_output_of_a_condition_is_its_input_and_checked() -> None:
    asks = gives(node("n", NodeKind.CONDITION, spec=ConditionSpec(test="true")), {"type": "integer"})

    assert error(await Bench().run(graph(asks), data="text"))[0] == "invalid_output"


async def test_a_pinned_output_is_checked_and_the_input_of_a_pinned_node_is_not() -> None:
    pinned = replace(call("n"), pin=BAD, has_pin=True, input_schema=AMOUNTS)

    assert (await Bench().run(graph(pinned), data="bad")).output == BAD
    assert error(await Bench().run(graph(gives(pinned, AMOUNTS)), data="bad"))[0] == "invalid_output"


async def test_a_disabled_node_checks_nothing() -> None:
    off = replace(gives(takes(call("n"), AMOUNTS), AMOUNTS), disabled=True)

    assert (await Bench().run(graph(off), data=BAD)).output == BAD


def test_a_message_does_not_show_the_value() -> None:
    problem = ValueSchema({"properties": {"key": {"const": 1}}}).problem({"key": "secret"}, "input")

    assert problem == "input.key: 1 was expected"


def test_a_pattern_takes_linear_time_and_a_format_is_no_check() -> None:
    schema = ValueSchema({"pattern": "^(a+)+$", "format": "date"})

    assert schema.problem("a" * 100_000 + "b", "input") == 'input: the value does not match "^(a+)+$"'
    assert schema.problem("a", "input") is None


def test_of_a_million_problems_only_the_first_is_looked_for() -> None:
    problem = ValueSchema({"items": {"type": "integer"}}).problem(["x"] * 1_000_000, "output")

    assert problem == 'output[0]: the value is not of type "integer"'


@pytest.mark.parametrize("schema", [{"$ref": "http://127.0.0.1:9/x"}, {"pattern": "(?=a)"}, {"type": "int"}])
def test_a_stored_schema_that_cannot_be_used_is_a_defect_of_the_definition(schema: JsonObject) -> None:
    with pytest.raises(DefinitionError, match='a schema of the node "n" cannot be used'):
        graph(takes(call("n"), schema))
