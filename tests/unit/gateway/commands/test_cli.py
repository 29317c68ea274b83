"""The command line itself: every command explains itself, and errors are one line each."""

from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from engine.errors import ConfigurationError, InvalidDefinition, Problem, Unavailable
from gateway.cli import MODULES, app, only_cause
from gateway.commands.failures import report_failure


def commands() -> list[tuple[str, ...]]:
    """Every command by its words."""
    root: Any = get_command(app)
    found = {name: root.get_command(None, name) for name in MODULES}
    words: list[tuple[str, ...]] = []
    for name, one in found.items():
        words += [(name, word) for word in one.commands] if isinstance(one, TyperGroup) else [(name,)]
    return words


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_shows_an_example_of_itself(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "200"})

    assert shown.exit_code == 0
    assert "Example: " in shown.output
    assert f"patchbay {' '.join(words)}" in shown.output.partition("Example: ")[2]


def test_help_lists_all_commands() -> None:
    shown = CliRunner().invoke(app, ["--help"])

    assert all(name in shown.output for name in MODULES)


def test_an_unknown_command_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["sevre"]).exit_code == 2


def test_the_version_is_shown() -> None:
    assert CliRunner().invoke(app, ["--version"]).output.startswith("patchbay 0.")


def test_one_line_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    report_failure(ConfigurationError("the port is taken"))

    assert capsys.readouterr().err == "error: the port is taken\n"


def test_several_problems_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [
        Problem(place="nodes.a", message="is wrong", line=3, column=1),
        Problem(place="edges", message="is too"),
    ]

    report_failure(InvalidDefinition(problems))

    assert capsys.readouterr().err.splitlines() == [
        "error: the definition has 2 problems",
        "  line 3, column 1: nodes.a: is wrong",
        "  edges: is too",
    ]


def test_the_cause_of_a_group_is_found_however_deep() -> None:
    cause = Unavailable("away")

    assert only_cause(ExceptionGroup("outer", [ExceptionGroup("inner", [cause])])) is cause


def test_a_defect_among_the_causes_is_not_hidden() -> None:
    assert only_cause(ExceptionGroup("all", [Unavailable("away"), KeyError("x")])) is None
