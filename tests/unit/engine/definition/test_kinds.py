"""The page about the kinds of node: each has its section, an example that is sound, and facts that are true."""

import re

import pytest

from engine.definition import parse_definition
from engine.definition.format_nodes import NODES
from engine.definition.kinds import KINDS, PURE
from engine.definition.outline import outline
from engine.model.node import Node, NodeKind
from engine.nodes import PURE as PURE_HANDLERS
from gateway.openapi_tables import failures
from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs" / "reference" / "nodes.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}


def test_the_page_has_one_section_for_each_kind_and_the_code_facts_for_each() -> None:
    assert set(SECTIONS) == set(NodeKind) == set(KINDS) == set(NODES.kinds)


@pytest.mark.parametrize("kind", NodeKind)
def test_a_section_begins_with_its_facts_and_has_an_example_of_the_kind(kind: NodeKind) -> None:
    section = SECTIONS[kind]
    snippets = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)

    assert section.startswith(f"{kind}\n\n<!-- kind: {kind} -->\n")
    assert any(node.kind is kind for text in snippets for node in _parsed(text).values())


@pytest.mark.parametrize("kind", NodeKind)
def test_the_ports_are_those_that_edges_may_name(kind: NodeKind) -> None:
    record = {"type": kind, "on_error": "fail", "cases": [{"when": "true", "port": "mine"}]}
    ports = outline({"nodes": {"n": record}}, {"nodes": {"n": record}}).ports("n")

    assert ports is not None
    written = KINDS[kind].ports.replace("those of its cases", "`mine`")
    assert [port.strip("`") for port in written.split(", ") if port != "none"] == list(ports)


@pytest.mark.parametrize("kind", NodeKind)
def test_only_what_changes_nothing_outside_is_run_as_such(kind: NodeKind) -> None:
    assert KINDS[kind].runs.startswith(PURE.partition(";")[0]) is (kind in PURE_HANDLERS)


@pytest.mark.parametrize("kind", NodeKind)
def test_the_codes_it_fails_with_are_codes_of_steps(kind: NodeKind) -> None:
    assert set(KINDS[kind].fails) <= set(failures())


def _parsed(snippet: str) -> dict[str, Node]:
    return dict(parse_definition(f"name: snippet\n{snippet}")[0].nodes)
