"""The README and the operator's page name only what exists."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from engine.definition import parse_definition
from gateway.cli import MODULES, app

ROOT = Path(__file__).parents[3]
PAGES = ("README.md", "docs/operations.md", "docs/tutorial.md", "CHANGELOG.md")
COMMAND = re.compile(r"patchbay ([a-z][a-z-]*)(?: ([a-z][a-z-]+))?")


def text(page: str) -> str:
    return (ROOT / page).read_text()


def test_the_workflow_of_the_readme_is_right() -> None:
    (definition,) = re.findall(r"^```yaml\n(.*?)^```$", text("README.md"), re.MULTILINE | re.DOTALL)

    parsed, _ = parse_definition(definition)
    assert parsed.name == "paid-orders"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", text(page))

    assert [link for link in links if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page: str) -> None:
    """In code: between backticks, or in a block."""
    code = re.findall(r"`([^`\n]+)`", text(page)) + re.findall(r"^(?: {4}|\| `)(.*)$", text(page), re.MULTILINE)
    root: Any = get_command(app)

    unknown = []
    for words in (match.groups() for line in code for match in COMMAND.finditer(line)):
        group = root.get_command(None, words[0]) if words[0] in MODULES else None
        if group is None or (isinstance(group, TyperGroup) and words[1] and words[1] not in group.commands):
            unknown.append(words)
    assert unknown == []
