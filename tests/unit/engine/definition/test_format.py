"""The model, the JSON Schema, the reference and the examples all say what the format's data say."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from connectors.builtin.http import connector as http
from engine.definition import ActionInputs, Outside, parse_definition, workflow_schema
from engine.definition.format_nodes import NODES
from engine.definition.format_triggers import TRIGGERS
from engine.definition.schema import SCHEMA_FILE
from engine.definition.source import Source
from engine.definition.tables import PAGES, fill, kinds, tables
from engine.definition.yaml_text import read_yaml
from engine.graph import compile_graph
from engine.model.base import VersionId
from engine.model.node import Edge, Node, NodeKind, RetryPolicy, TransformSpec
from engine.model.workflow import Definition, ScheduleSpec, TriggerKind, Variable, WebhookSpec, WorkflowSettings
from tests.unit.engine.definition.texts import problems
from webhooks.building import check_scheme

ROOT = Path(__file__).parents[4]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
SNIPPETS = [snippet for text in TEXTS.values() for snippet in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]


def test_absent_fields_have_the_defaults_of_the_model() -> None:
    definition, _ = parse_definition("name: a\nnodes: {b: {type: transform, value: 1}}\n")

    node = Node(key="b", kind=NodeKind.TRANSFORM, spec=TransformSpec(template=1))
    assert definition == Definition(name="a", nodes={"b": node}, triggers={}, variables={}, start={})
    assert definition.settings == WorkflowSettings()


def test_the_specs_have_the_defaults_of_the_model() -> None:
    definition, _ = parse_definition(
        "name: a\nvariables: {v: {}}\n"
        "triggers: {h: {type: webhook, verify: none, respond: {}}, s: {type: schedule, every: 1m}}\n"
        "nodes: {b: {type: transform, value: 1, retry: {max_attempts: 1}}}\n"
    )

    every = definition.triggers["s"].spec
    assert definition.triggers["h"].spec == WebhookSpec(verify=None)
    assert isinstance(every, ScheduleSpec)
    assert (every.timezone, every.missed) == (ScheduleSpec().timezone, ScheduleSpec().missed)
    assert definition.nodes["b"].retry == RetryPolicy()
    assert definition.variables["v"] == Variable()


def test_the_shipped_schema_is_the_generated_one() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == workflow_schema(), "run: python -m engine.definition"


def test_the_schema_is_valid() -> None:
    assert jsonschema_rs.meta.is_valid(workflow_schema())


@pytest.mark.parametrize("kind", [*NodeKind, *TriggerKind])
def test_the_schema_has_every_kind(kind: str) -> None:
    definitions = workflow_schema()["$defs"]
    assert f"node_{kind}" in definitions or f"trigger_{kind}" in definitions


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_sound_and_fits_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    actions = {"http.request": ActionInputs(names=tuple(http.actions["request"].inputs), required=("url",))}

    definition, document = parse_definition(text, outside=Outside(actions=actions, check_verify=check_scheme))

    assert definition.name == path.stem
    assert set(compile_graph(definition, VersionId("one")).nodes) == set(definition.nodes)
    jsonschema_rs.validator_for(workflow_schema()).validate(read_yaml(text).document)
    jsonschema_rs.validator_for(workflow_schema()).validate(document)


def test_the_examples_show_every_kind_of_node_and_trigger() -> None:
    definitions = [parse_definition(path.read_text(encoding="utf-8"))[0] for path in EXAMPLES]

    assert {node.kind for each in definitions for node in each.nodes.values()} == set(NodeKind)
    assert {trigger.kind for each in definitions for trigger in each.triggers.values()} == set(TriggerKind)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodes": {}},
        {"nods": {}},
        {"nodes": {"a": {"type": "loop", "times": 3}}},
        {"nodes": {"a": {"type": "transform"}}},
        {"nodes": {"a": {"type": "transform", "value": 1, "timeout": 30}}},
        {"nodes": {"A": {"type": "transform", "value": 1}}},
        {"triggers": {"t": {"type": "webhook"}}},
        {"edges": ["a"]},
    ],
)
def test_the_schema_refuses_what_the_parser_refuses(wrong: dict[str, Any]) -> None:
    document = {"name": "x", "nodes": {"a": {"type": "transform", "value": 1}}} | wrong

    assert not jsonschema_rs.validator_for(workflow_schema()).is_valid(document)
    assert problems(Source(text=json.dumps(document), media="json"))


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_of_the_reference_are_the_generated_ones(page: str) -> None:
    assert fill(TEXTS[page]) == TEXTS[page], "run: python -m engine.definition"


def test_the_reference_has_every_table_and_every_kind_once() -> None:
    found = re.findall(r"<!-- (table|kind): (\S+) -->", "".join(TEXTS.values()))

    assert sorted(name for what, name in found if what == "table") == sorted(tables())
    assert sorted(name for what, name in found if what == "kind") == sorted(kinds()) == sorted(NodeKind)


@pytest.mark.parametrize("index", range(len(SNIPPETS)))
def test_a_snippet_of_the_reference_is_sound(index: int) -> None:
    snippet = SNIPPETS[index]
    text = snippet if "name:" in snippet.splitlines()[0] else f"name: snippet\n{snippet}"

    definition, _ = parse_definition(text)

    assert all(isinstance(edge, Edge) for edge in definition.edges)
    assert definition.nodes


def test_the_reference_names_the_kinds_that_come_later() -> None:
    (text,) = re.findall(r"## Not yet available\n\n(.*)", TEXTS["docs/reference/workflow-format.md"])
    kinds_named, triggers_named = (re.findall("`([a-z]+)`", part) for part in text.split(";")[:2])

    assert (tuple(kinds_named), tuple(triggers_named)) == (NODES.later, TRIGGERS.later)
