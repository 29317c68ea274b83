"""The demo's workflows are the examples, so that what it shows can be repeated."""

from pathlib import Path

import pytest

from engine.definition import parse_definition
from gateway.demo.workflows import CHANGES, FOLDER, NAMES, RECEIVER, text_of

EXAMPLES = Path(__file__).parents[4] / "examples"


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_of_the_demo_is_the_example_of_that_name(name: str) -> None:
    assert (FOLDER / f"{name}.yaml").read_text() == (EXAMPLES / f"{name}.yaml").read_text()


def test_no_other_workflow_is_shipped() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_demo_changes_is_still_there_and_leaves_a_good_definition(name: str) -> None:
    text = text_of(name, receiver="http://127.0.0.1:9999")

    definition, _ = parse_definition(text)
    assert definition.name == name
    assert RECEIVER not in text
    if name in CHANGES:
        assert CHANGES[name][1] in text
        assert CHANGES[name][0] not in text
