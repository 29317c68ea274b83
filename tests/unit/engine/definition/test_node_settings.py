"""The settings that any node may have are checked when a definition is saved."""

import pytest

from engine.definition import parse_definition
from engine.definition.cautions import cautions
from tests.unit.engine.definition.texts import only, problems, workflow


def _one(node: str) -> str:
    return workflow(nodes=f"{{n: {node}}}")


WITHOUT_MAIN = {
    "condition": "type: condition, if: 'true'",
    "switch": "type: switch, cases: [{when: 'true', port: a}]",
    "stop": "type: stop",
}


@pytest.mark.parametrize("kind", WITHOUT_MAIN)
def test_a_node_without_main_cannot_be_disabled(kind: str) -> None:
    found = only(_one(f"{{{WITHOUT_MAIN[kind]}, disabled: true}}"))

    assert found.place == "nodes.n.disabled"
    assert found.message == f'a {kind} node cannot be disabled, it has no port "main"'
    assert found.fix


@pytest.mark.parametrize("kind", WITHOUT_MAIN)
def test_a_node_without_main_cannot_be_pinned(kind: str) -> None:
    found = only(_one(f"{{{WITHOUT_MAIN[kind]}, pin: null}}"))

    assert found.place == "nodes.n.pin"
    assert found.message == f'a {kind} node cannot be pinned, it has no port "main"'


@pytest.mark.parametrize("kind", WITHOUT_MAIN)
def test_disabled_false_is_allowed_everywhere(kind: str) -> None:
    assert problems(_one(f"{{{WITHOUT_MAIN[kind]}, disabled: false}}")) == []


def test_the_way_out_of_a_condition_that_should_be_disabled_works() -> None:
    assert problems(_one("{type: condition, if: true}")) == []


def test_a_pin_of_null_is_a_pin() -> None:
    definition, _ = parse_definition(_one("{type: transform, value: 1, pin: null}"))

    assert definition.nodes["n"].has_pin
    assert definition.nodes["n"].pin is None


def test_what_is_disabled_or_pinned_is_pointed_at_and_is_no_error() -> None:
    text = workflow(
        nodes="{a: {type: transform, value: 1, disabled: true, pin: 1}, b: {type: transform, value: 1, pin: 2}, "
        "c: {type: transform, value: 1}}"
    )

    definition, _ = parse_definition(text)

    assert [caution.place for caution in cautions(definition)] == ["nodes.a.disabled", "nodes.b.pin"]
