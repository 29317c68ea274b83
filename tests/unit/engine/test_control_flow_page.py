"""The guide to control flow: its snippets are sound, and those that say what they give do give it."""

import json
import re
from pathlib import Path

import pytest

from engine.definition import parse_definition
from engine.graph import compile_graph
from engine.model.base import VersionId
from engine.trials.run import TrialStatus
from tests.unit.engine.trials.stage import ran

PAGE = Path(__file__).parents[3] / "docs/reference/control-flow.md"
SNIPPETS = re.findall(r"```yaml\n(.*?)```(?:\n\nGiven `(.*?)`, it gives `(.*?)`\.)?", PAGE.read_text(), re.DOTALL)
GIVEN = [(text, data, expected) for text, data, expected in SNIPPETS if expected]


@pytest.mark.parametrize("text", [text for text, _, _ in SNIPPETS])
def test_a_snippet_is_sound(text: str) -> None:
    definition, _ = parse_definition(f"name: snippet\n{text}")

    assert compile_graph(definition, VersionId("v")).nodes


@pytest.mark.parametrize(("text", "data", "expected"), GIVEN)
async def test_a_snippet_gives_what_the_page_says(text: str, data: str, expected: str) -> None:
    graph = compile_graph(parse_definition(f"name: snippet\n{text}")[0], VersionId("v"))

    run = await ran(graph, {}, data=json.loads(data))

    assert run.status is TrialStatus.SUCCEEDED, run.error
    assert run.output == json.loads(expected)


def test_most_snippets_say_what_they_give() -> None:
    assert len(GIVEN) >= 7
    assert len(SNIPPETS) - len(GIVEN) <= 3
