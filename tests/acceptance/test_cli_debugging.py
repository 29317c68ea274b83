"""Debugging from a terminal: through a hub that is killed while the execution stands."""

import signal
from pathlib import Path

import pytest

from engine.errors import InvalidRequest
from gateway.commands.debugging import read_breakpoint
from tests.acceptance.test_cli_remote import Shell
from tests.processes import Running, running

pytestmark = pytest.mark.acceptance

TEXT = """
name: greeting
variables: {mark: {type: text, default: "!"}}
nodes:
  name: {type: transform, value: "{{ trigger.data.name | upper }}"}
  greet: {type: transform, value: "Hello {{ steps.name }}{{ vars.mark }}"}
  each: {type: loop, times: 2, body: {nodes: {say: {type: transform, value: "{{ index }}: {{ steps.greet }}"}}}}
edges: [name -> greet, greet -> each]
"""


def address(hub: Running) -> str:
    return hub.wait_for_line(r"Patchbay serves (http://[\d.]+:\d+)")[1]


def test_an_execution_is_debugged_step_by_step_through_the_death_of_its_hub(tmp_path: Path) -> None:
    serve = ("serve", "--port", "0", "--data-dir", "data")
    with running(*serve, folder=tmp_path) as hub:
        url, key = address(hub), hub.wait_for_line(r"export PATCHBAY_API_KEY=(pbk_\w+)")[1]
        shell = Shell({"PATCHBAY_URL": url, "PATCHBAY_API_KEY": key}, tmp_path)
        shell.apply(TEXT)
        begun = shell("debug", "start", "greeting", "-i", '{"name": "Ada"}', "--break", "greet")
        assert begun.returncode == 0, begun.stderr
        execution = begun.stdout.splitlines()[0].split()[-1]
        edited = shell("debug", "edit", execution, "--output", 'name="EVE"', "--var", 'mark="?"')
        hub.end(signal.SIGKILL)
    with running(*serve, folder=tmp_path) as again:
        shell = Shell({"PATCHBAY_URL": address(again), "PATCHBAY_API_KEY": key}, tmp_path)
        shown = shell("debug", "show", execution)
        set_points = shell("debug", "break", execution, "each.say if index == 1")
        looped = shell("debug", "continue", execution)
        ended = shell("debug", "continue", execution)
        assert again.end() == 0

    assert begun.stdout.splitlines()[0].startswith("stands before greet")
    assert edited.returncode == 0, edited.stderr
    assert 'steps.name  "EVE"' in shown.stdout
    assert 'vars.mark  "?"' in shown.stdout
    assert "output edited by key:pbk_" in shown.stdout
    assert "breakpoint before each.say if index == 1" in set_points.stdout
    assert looped.stdout.startswith("stands before each[1].say")
    assert "  index  1\n" in looped.stdout
    assert 'result ["0: Hello EVE?", "1: Hello EVE?"]' in ended.stdout
    assert "stopped before" in ended.stdout


@pytest.mark.parametrize(
    ("text", "node", "when", "condition"),
    [
        ("charge", "charge", "before", None),
        ("charge:after", "charge", "after", None),
        ("each.say:before if index > 3 if item else false", "each.say", "before", "index > 3 if item else false"),
    ],
)
def test_breakpoints_are_written_as_one_says_them(text: str, node: str, when: str, condition: str | None) -> None:
    assert read_breakpoint(text) == {"node": node, "when": when, "if": condition}


@pytest.mark.parametrize("text", ["", ":after", "charge:around", "charge if "])
def test_what_is_no_breakpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="is no breakpoint"):
        read_breakpoint(text)
