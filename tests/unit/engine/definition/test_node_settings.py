"""The settings that any node may have are checked when a definition is saved."""

import json
from datetime import timedelta

import pytest

from engine.definition import parse_definition
from engine.definition.cautions import cautions
from engine.model.node import CachePolicy
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


def _schema(schema: object, *, field: str = "output_schema") -> str:
    return _one(f"{{type: transform, value: 1, {field}: {json.dumps(schema)}}}")


@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (7, "must be a JSON Schema, not 7"),
        ({"type": "int"}, "is no JSON Schema"),
        ({"$ref": "https://example.com/a"}, 'refers to "https://example.com/a"'),
        ({"items": {"$ref": "other.json#/a"}}, 'refers to "other.json#/a"'),
        ({"$ref": "#/$defs/a"}, 'refers to "#/$defs/a", which is not there'),
        ({"$ref": "#there", "$defs": {"a": {"$anchor": "there"}}}, "only references such as #/$defs/… may be used"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "names another draft"),
        ({"pattern": "(?=a)"}, "is no JSON Schema"),
        ({"properties": {"below": {"$ref": "#"}}}, 'refers to itself, by "#"'),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, 'refers to itself, by "#/$defs/a"'),
        ({"$dynamicRef": "#a"}, 'uses "$dynamicRef"'),
        ({"items": {"$id": "https://example.com/"}}, '"$id" in a part of it'),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(field: str, schema: object, message: str) -> None:
    found = only(_schema(schema, field=field))

    assert found.place == f"nodes.n.{field}"
    assert message in found.message


def test_a_schema_whose_references_double_again_and_again_is_refused() -> None:
    doubling = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(15)}

    found = only(_schema({"$ref": "#/$defs/d0", "$defs": {**doubling, "d15": {"type": "string"}}}))

    assert "more than 2000 schemas" in found.message


def test_a_long_chain_of_references_is_refused() -> None:
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(1000)}

    assert "follow from each other" in only(_schema({"$ref": "#/$defs/d0", "$defs": {**chain, "d1000": {}}})).message


def test_what_looks_again_at_everything_below_it_is_not_nested_deep() -> None:
    nested: object = {"unevaluatedProperties": False}
    for _ in range(3):
        nested = {"allOf": [nested], "unevaluatedProperties": False}

    assert "nests unevaluatedProperties" in only(_schema(nested)).message


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/a", "type": "integer"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}},
        {"properties": {"$ref": {"type": "string"}, "$id": True, "$anchor": {}}},
        {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}},
        {"properties": {"a/b": {"$ref": "#/properties/c~0d"}, "c~d": {}}},
        {"prefixItems": [{}, {"$ref": "#/prefixItems/0"}]},
    ],
)
def test_a_sound_schema_is_taken(schema: object) -> None:
    assert problems(_schema(schema)) == []


def test_a_pin_that_does_not_satisfy_the_output_schema_is_refused() -> None:
    text = _one(
        "{type: transform, value: 1, pin: {a: [x]}, output_schema: {properties: {a: {items: {type: integer}}}}}"
    )

    found = only(text)

    assert found.place == "nodes.n.pin"
    assert 'pin.a[0]: the value is not of type "integer"' in found.message


CALL = "type: connector, use: http.request, with: {url: 'https://example.com'}"


def test_a_cache_has_a_key_and_a_time() -> None:
    definition, _ = parse_definition(_one(f"{{{CALL}, cache: {{key: '{{{{ trigger.data }}}}', for: 1h}}}}"))

    assert definition.nodes["n"].cache == CachePolicy(key="{{ trigger.data }}", lifetime=timedelta(hours=1))


@pytest.mark.parametrize(
    ("cache", "place", "message"),
    [
        ("{for: 1h}", "nodes.n.cache.key", '"key" is missing'),
        ("{key: a}", "nodes.n.cache.for", '"for" is missing'),
        ("{key: a, for: 0s}", "nodes.n.cache.for", "too short"),
        ("{key: a, for: 31d}", "nodes.n.cache.for", "too long"),
        ("{key: '{{ nobody.x }}', for: 1h}", "nodes.n.cache.key", "nobody"),
        ("{key: '{{ steps.n }}', for: 1h}", "nodes.n.cache.key", "refers to itself"),
        ("{key: a, for: 1h, size: 1}", "nodes.n.cache.size", "not a field"),
    ],
)
def test_a_cache_that_cannot_work_is_refused(cache: str, place: str, message: str) -> None:
    found = only(_one(f"{{{CALL}, cache: {cache}}}"))

    assert found.place == place
    assert message in found.message


def test_only_what_calls_something_has_a_cache() -> None:
    found = only(_one("{type: transform, value: 1, cache: {key: a, for: 1h}}"))

    assert found.message == '"cache" is not a field of a transform node'
