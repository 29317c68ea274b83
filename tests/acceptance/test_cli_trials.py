"""Trying out from a terminal: a text on a stored event, and one node alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_cli_remote import Shell
from tests.processes import running

pytestmark = pytest.mark.acceptance

TEXT = """
name: greeting
nodes:
  greet: {type: transform, value: {text: "Hello {{ trigger.data.name }}", n: 1}}
  is_long: {type: condition, if: "steps.greet.text | length > 8"}
  long: {type: transform, value: "long"}
  short: {type: transform, value: "short"}
edges: [greet -> is_long, is_long.true -> long, is_long.false -> short]
"""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("hub")
    with running("serve", "--port", "0", "--data-dir", "data", folder=folder) as hub:
        url = hub.wait_for_line(r"Patchbay serves (http://[\d.]+:\d+)")[1]
        key = hub.wait_for_line(r"export PATCHBAY_API_KEY=(pbk_\w+)")[1]
        shell = Shell({"PATCHBAY_URL": url, "PATCHBAY_API_KEY": key}, folder)
        shell.apply(TEXT)
        yield shell
        assert hub.end() == 0


@pytest.fixture(scope="module")
def event(shell: Shell) -> str:
    """The event of an execution that greeted Ada."""
    ended = shell.json("workflows", "execute", "greeting", "--input", '{"name": "Ada"}')
    assert ended["output"] == "long"
    return str(ended["event"]["id"])


def test_a_text_that_says_the_same_differs_in_nothing(shell: Shell, event: str, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(TEXT)

    done = shell("try", str(tmp_path / "draft.yaml"), "--event", event)

    assert done.returncode == 0, done.stderr
    assert "every step is the same" in done.stdout


def test_a_changed_text_shows_step_by_step_what_would_differ(shell: Shell, event: str, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(TEXT.replace("Hello", "Hi"))

    done = shell("try", str(tmp_path / "draft.yaml"), "--event", event)

    assert done.returncode == 1
    assert "greeting on event " in done.stdout
    assert '  ~  greet    gives something else: text\n       output.text: "Hello Ada" -> "Hi Ada"\n' in done.stdout
    assert "  ~  is_long  leaves by false instead of true\n" in done.stdout
    assert "  +  short    runs now, which it did not\n" in done.stdout
    assert "  -  long     does not run any more\n" in done.stdout
    assert '  result: "long" -> "short"\n' in done.stdout


def test_a_saved_version_is_tried_by_its_name(shell: Shell, event: str) -> None:
    trial = json.loads(shell("try", "--workflow", "greeting", "--version", "1", "--event", event, "--json").stdout)

    assert trial["alike"] is True


def test_one_node_is_tried_on_what_one_gives_it(shell: Shell) -> None:
    done = shell("try-node", "greeting", "is_long", "--steps", '{"greet": {"text": "Hi"}}')

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("is_long succeeded by false in ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("try", "--workflow", "greeting"), "--event or with --execution"),
        (("try", "--event", "x"), "name a file"),
        (("try", "--workflow", "greeting", "--event", "x", "--answer", "a"), 'has no "="'),
        (("try-node", "greeting", "nobody"), 'no node "nobody"'),
    ],
)
def test_what_is_missing_is_said_in_one_line(shell: Shell, arguments: tuple[str, ...], says: str) -> None:
    done = shell(*arguments)

    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
