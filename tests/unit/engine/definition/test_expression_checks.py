"""Expressions compile, and they name only what exists and can be known where they stand."""

import pytest

from tests.unit.engine.definition.texts import only, problems, workflow

TWO = "nodes:\n  first: {{type: transform, value: 1}}\n  second: {second}\n  aside: {{type: transform, value: 2}}\n"
EDGES = "edges: [first -> second]\nvariables: {count: {type: number, default: 0}}\n"


def _second(node: str) -> str:
    return "name: test\n" + TWO.format(second=node) + EDGES


@pytest.mark.parametrize(
    "node",
    [
        "{type: transform, value: '{{ steps.first }}'}",
        "{type: transform, set: {a: [{b: '{{ steps.first.x }} and {{ vars.count }}'}]}}",
        "{type: condition, if: \"steps['first'] > 1\"}",
        "{type: transform, value: '{{ input }} {{ trigger.data }} {{ now }} {{ execution.id }} {{ workflow.name }}'}",
        "{type: transform, value: 1, assign: {count: '{{ steps.second + vars.count }}'}}",
        "{type: delay, for: '{{ vars.count }}'}",
        "{type: transform, value: 'a { brace and } another'}",
    ],
)
def test_what_exists_and_ran_before_may_be_named(node: str) -> None:
    assert problems(_second(node)) == []


@pytest.mark.parametrize(
    ("node", "place", "message", "fix"),
    [
        ("{type: condition, if: 'a >'}", "if", "column", None),
        ("{type: condition, if: 'trigger.data | uper'}", "if", "uper", None),
        ("{type: condition, if: 'triger.data'}", "if", "triger", None),
        ("{type: transform, set: {x: [1, '{{ 1 + }}']}}", "set.x[1]", "column", None),
        ("{type: transform, value: '{{ steps.frist }}'}", "value", 'no step "frist"', 'did you mean "first"?'),
        ("{type: transform, value: '{{ steps.aside }}'}", "value", "can never have run", "can run: first"),
        ("{type: transform, value: '{{ steps.second }}'}", "value", "refers to itself", None),
        ("{type: transform, value: '{{ vars.cont }}'}", "value", 'no variable "cont"', 'did you mean "count"?'),
        ("{type: transform, value: '{{ item.x }}'}", "value", "only inside a loop", None),
        ("{type: transform, value: 1, assign: {cuont: 1}}", "assign.cuont", "not a declared", 'did you mean "count"?'),
        ("{type: transform, value: 1, input: '{{ steps.aside }}'}", "input", "can never have run", None),
        ("{type: switch, cases: [{when: steps.aside, port: a}]}", "cases[0].when", "can never have run", None),
        ("{type: connector, use: a.b, with: {u: '{{ steps.no }}'}}", "with.u", 'no step "no"', None),
        ("{type: respond, status: '{{ steps.no }}'}", "status", 'no step "no"', None),
        ("{type: stop, message: '{{ steps.no }}'}", "message", 'no step "no"', None),
        ("{type: delay, until: steps.no}", "until", 'no step "no"', None),
    ],
)
def test_a_wrong_name_is_found_in_every_field(node: str, place: str, message: str, fix: str | None) -> None:
    found = only(_second(node))

    assert found.place == f"nodes.second.{place}"
    assert found.line == 4
    assert message in found.message
    assert fix is None or fix in str(found.fix)


def test_a_node_before_its_source_by_several_edges_counts_as_earlier() -> None:
    text = workflow(
        nodes="{a: {type: transform, value: 1}, b: {type: transform, value: 1}, c: {type: stop, output: '{{ steps.a }}'}}",
        edges="[a -> b, b -> c]",
    )
    assert problems(text) == []


@pytest.mark.parametrize("name", ["steps.one", "vars.count", "input", "execution.id"])
def test_a_trigger_knows_no_execution_yet(name: str) -> None:
    text = workflow(triggers=f"{{t: {{type: manual, filter: {name}}}}}", variables="{count: {}}")
    assert "not known yet" in only(text).message


@pytest.mark.parametrize("field", ["filter: trigger.x >", "map: {a: '{{ trigger.x > }}'}"])
def test_the_expressions_of_a_trigger_are_compiled(field: str) -> None:
    assert "column" in only(workflow(triggers=f"{{t: {{type: manual, {field}}}}}")).message


def test_the_dedupe_expression_of_a_webhook_is_compiled() -> None:
    text = workflow(triggers="{t: {type: webhook, verify: none, dedupe: {expression: trigger.data.}}}")
    assert only(text).place == "triggers.t.dedupe.expression"
