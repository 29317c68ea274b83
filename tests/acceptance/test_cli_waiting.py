"""Approvals and children in a terminal, against a running hub."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.test_cli_remote import Shell
from tests.processes import running

pytestmark = pytest.mark.acceptance

ASKING = """
name: asking
nodes:
  ask:
    type: approval
    assignees: [ann, bob]
    title: Shall we?
    required: all
    form: [{key: limit, type: integer, required: true}]
  yes: {type: transform, value: "{{ steps.ask.data.limit }}"}
edges: [ask.approved -> yes]
"""
FAMILY = """
name: family
nodes: {ask: {type: workflow, workflow: child}}
settings: {on_failure: nobody}
"""
CHILD = "name: child\nnodes: {one: {type: transform, value: 1}}\n"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("hub")
    with running("serve", "--port", "0", "--data-dir", "data", folder=folder) as hub:
        url = hub.wait_for_line(r"Patchbay serves (http://[\d.]+:\d+)")[1]
        key = hub.wait_for_line(r"export PATCHBAY_API_KEY=(pbk_\w+)")[1]
        yield Shell({"PATCHBAY_URL": url, "PATCHBAY_API_KEY": key, "PATCHBAY_DATA_DIR": str(folder / "data")}, folder)
        assert hub.end() == 0


def until(shell: Shell, *arguments: str) -> Any:
    """Ask again until something is listed, a bounded number of times."""
    for _ in range(100):
        if found := shell.json(*arguments):
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing was ever listed by {arguments}")


def test_approvals_are_listed_and_decided_in_a_terminal(shell: Shell) -> None:
    shell.apply(ASKING)
    shell.json("workflows", "execute", "asking", "--no-wait")
    (approval,) = until(shell, "approvals", "list", "--assignee", "ann")

    table = shell("approvals", "list")
    wrong = shell("approvals", "approve", approval["id"], "--as", "ann")
    first = shell("approvals", "approve", approval["id"], "--as", "ann", "--input", '{"limit": 3}', "--comment", "ok")
    last = shell.json("approvals", "approve", approval["id"], "--input", '{"limit": 4}')

    assert "Shall we?" in table.stdout
    assert wrong.returncode == 1
    assert "form is not filled in" in wrong.stderr
    assert "counted; others are asked as well" in first.stdout
    assert last == {"decision": "approved"}
    (ended,) = until(shell, "executions", "list", "--workflow", "asking", "--status", "succeeded")
    assert ended["output"] == 4
    assert shell("approvals", "reject", approval["id"]).returncode == 1


def test_publishing_warns_and_a_trace_names_parent_and_children(shell: Shell) -> None:
    file = shell.folder / "family.yaml"
    file.write_text(FAMILY)
    applied = shell("apply", str(file))
    shell.apply(CHILD)
    shell("workflows", "execute", "family")
    (parent,) = until(shell, "executions", "list", "--workflow", "family", "--status", "succeeded")
    (child,) = until(shell, "executions", "list", "--workflow", "child")

    assert 'warning: settings.on_failure: there is no workflow "nobody" yet' in applied.stdout
    assert 'warning: nodes.ask.workflow: there is no workflow "child" yet' in applied.stdout
    assert child["id"] in shell("executions", "show", parent["id"]).stdout
    assert f"started by ask of {parent['id']}" in shell("executions", "show", child["id"]).stdout
