"""Commands against a running hub, both as programs: definitions, executions, dead letters, secrets and keys."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.processes import patchbay, running

pytestmark = pytest.mark.acceptance

REFUSED = """
name: refused-call
nodes:
  call: {type: connector, use: http.request, with: {url: "http://127.0.0.1:9/"}}
"""
WRONG = """name: wrong
nodes:
  a: {type: transform, set: {x: 1}, sett: 1}
  b: {type: transform, set: {x: "{{ 1 | titel }}"}}
"""


@dataclass
class Shell:
    """A person's terminal: the hub's URL and key are exported."""

    variables: dict[str, str]
    folder: Path

    def __call__(self, *arguments: str, input: str = "") -> CompletedProcess[str]:
        return patchbay(*arguments, variables=self.variables, input=input)

    def json(self, *arguments: str, input: str = "") -> Any:
        """Run a command that must succeed, and read what it prints for programs."""
        done = self(*arguments, "--json", input=input)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def apply(self, text: str) -> None:
        file = self.folder / "applied.yaml"
        file.write_text(text)
        done = self("apply", str(file))
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("hub")
    with running("serve", "--port", "0", "--data-dir", "data", folder=folder) as hub:
        url = hub.wait_for_line(r"Patchbay serves (http://[\d.]+:\d+)")[1]
        key = hub.wait_for_line(r"export PATCHBAY_API_KEY=(pbk_\w+)")[1]
        variables = {"PATCHBAY_URL": url, "PATCHBAY_API_KEY": key, "PATCHBAY_DATA_DIR": str(folder / "data")}
        yield Shell(variables, folder)
        assert hub.end() == 0


def test_apply_publishes_once_and_then_finds_nothing_new(shell: Shell) -> None:
    first = shell("apply", "examples/quote.yaml")
    second = shell("apply", "examples/quote.yaml")

    assert first.stdout.startswith("quote: created, version 1 published\n  asked  http://127.0.0.1:")
    assert second.stdout.startswith("quote: unchanged\n")


def test_apply_makes_a_new_version_of_a_changed_text(shell: Shell) -> None:
    shell.apply("name: changing\nnodes: {a: {type: transform, set: {x: 1}}}")
    file = shell.folder / "changed.yaml"
    file.write_text("name: changing\nnodes: {a: {type: transform, set: {x: 2}}}")

    draft = shell("apply", "--no-publish", str(file))
    published = shell("apply", str(file))

    assert draft.stdout == "changing: version 2 saved\n"
    assert published.stdout == "changing: unchanged, version 2 published\n"


def test_apply_names_the_file_and_every_problem(shell: Shell) -> None:
    file = shell.folder / "wrong.yaml"
    file.write_text(WRONG)

    failed = shell("apply", str(file))

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith(f"error: {file}: 2 problems\n")
    assert "line 3, column 37: nodes.a.sett" in failed.stderr
    assert "line 4" in failed.stderr


def test_apply_says_which_secret_is_missing(shell: Shell) -> None:
    failed = shell("apply", "examples/paid-orders.yaml")

    assert failed.returncode == 1
    assert 'there is no secret "orders_signing"' in failed.stderr


def test_an_execution_is_started_shown_listed_and_run_again(shell: Shell) -> None:
    shell("apply", "examples/fan-out.yaml")

    shown = shell("workflows", "execute", "fan-out", "--input", '{"price": 20, "count": 3}')
    listed = shell.json("executions", "list", "--workflow", "fan-out", "--status", "succeeded")
    again = shell.json("executions", "rerun", listed[0]["id"])
    followed = shell("executions", "show", again["execution_id"], "--follow")

    assert shown.returncode == 0, shown.stderr
    assert "✓ fan-out succeeded in" in shown.stdout
    assert 'result {"total": 65}' in shown.stdout
    assert listed[0]["output"] == {"total": 65}
    assert "✓ fan-out succeeded in" in followed.stdout
    assert "\x1b" not in followed.stdout


def test_a_waiting_execution_is_shown_as_such_and_cancelled(shell: Shell) -> None:
    shell("apply", "examples/follow-up.yaml")
    started = shell.json("workflows", "execute", "follow-up", "--input", '{"email": "a@example.com"}', "--no-wait")
    execution = started["execution_id"]

    late = shell("workflows", "execute", "follow-up", "--input", "{}", "--timeout", "0.5")
    shown = shell("executions", "show", execution)
    cancelled = shell("executions", "cancel", execution, "--reason", "changed our mind")
    afterwards = shell("executions", "show", execution)

    assert late.returncode == 1
    assert "is still waiting after 500ms" in late.stderr
    assert "◷ follow-up waiting until" in shown.stdout
    assert "still to come" in shown.stdout
    assert cancelled.stdout == f"cancelled {execution}\n"
    assert afterwards.returncode == 1
    assert "changed our mind" in afterwards.stdout


def test_an_execution_is_paused_and_resumed(shell: Shell) -> None:
    shell.apply("name: pausing\nnodes: {wait: {type: delay, for: 1h}}")
    execution = shell.json("workflows", "execute", "pausing", "--no-wait")["execution_id"]
    shell("workflows", "execute", "pausing", "--timeout", "0.5")  # by then the first one waits, too

    paused = shell("executions", "pause", execution)
    shown = shell("executions", "show", execution)
    listed = shell.json("executions", "list", "--workflow", "pausing", "--status", "paused")
    resumed = shell("executions", "resume", execution)
    again = shell("executions", "resume", execution)

    assert paused.stdout == f"paused {execution}\n"
    assert "‖ pausing paused" in shown.stdout
    assert [one["id"] for one in listed] == [execution]
    assert resumed.stdout == f"resumed {execution}, now waiting\n"
    assert again.returncode == 1
    assert "waiting, not paused" in again.stderr


def test_a_dead_letter_is_found_replayed_and_discarded(shell: Shell) -> None:
    shell.apply(REFUSED)
    failed = shell("workflows", "execute", "refused-call")
    first = shell.json("dead-letters", "list")

    shown = shell("dead-letters", "show", first[0]["id"])
    replayed = shell.json("dead-letters", "replay", first[0]["id"])
    shell("executions", "show", replayed["execution_id"], "--follow")
    second = shell.json("dead-letters", "list")
    discarded = shell("dead-letters", "discard", second[0]["id"])

    assert failed.returncode == 1
    assert "address_refused" in failed.stdout
    assert "✗ refused-call failed" in shown.stdout
    assert [letter["id"] for letter in second] != [letter["id"] for letter in first]
    assert discarded.stdout == f"discarded {second[0]['id']}\n"
    assert shell("dead-letters", "list").stdout == "no dead letters\n"
    assert len(shell.json("dead-letters", "list", "--all")) == 2


def test_many_are_replayed_as_a_job(shell: Shell) -> None:
    shell.apply(REFUSED.replace("refused-call", "refused-calls"))
    for _ in range(2):
        shell("workflows", "execute", "refused-calls")
    which = ("--workflow", "refused-calls", "--since", "1h", "--rate", "100/s")

    dry = shell("replays", "create", *which, "--dry-run")
    job = shell.json("replays", "create", *which)["id"]
    shown = shell("replays", "show", job, "--follow")
    items = shell.json("replays", "items", job, "--state", "failed")
    aborted = shell("replays", "abort", job)
    listed = shell.json("replays", "list")

    assert dry.stdout.startswith("would replay 2\n")
    assert "address_refused" in dry.stdout
    assert "the first one did not succeed: failed" in shown.stdout
    assert len(items) == 1
    assert aborted.stdout == f"aborted {job}\n"
    assert [(one["id"], one["status"]) for one in listed] == [(job, "aborted")]


def test_secrets_go_in_by_standard_input_and_never_come_out(shell: Shell) -> None:
    stored = shell("secrets", "set", "shop", input="hush-hush\n")
    listed = shell("secrets", "list")
    deleted = shell("secrets", "delete", "shop")
    empty = shell("secrets", "set", "shop", input="\n")

    assert stored.stdout == "stored shop\n"
    assert "shop" in listed.stdout
    assert "hush-hush" not in listed.stdout
    assert deleted.stdout == "deleted shop\n"
    assert empty.returncode == 1
    assert empty.stderr == 'error: the value of "shop" is empty\n'


def test_a_key_is_made_limited_and_revoked(shell: Shell) -> None:
    made = shell.json("keys", "create", "reader", "--scope", "read")
    reader = Shell({**shell.variables, "PATCHBAY_API_KEY": made["key"]}, shell.folder)
    allowed, forbidden = reader("workflows", "list"), reader("apply", "examples/heartbeat.yaml")
    revoked = shell("keys", "revoke", made["id"])

    refused = reader("workflows", "list")

    assert allowed.returncode == 0
    assert forbidden.returncode == 1
    assert 'lacks the scope "write"' in forbidden.stderr
    assert revoked.stdout == f"revoked {made['id']}\n"
    assert refused.returncode == 1
    assert "patchbay keys create my-laptop --local" in refused.stderr
    assert made["key"] not in shell("keys", "list").stdout


def test_keys_are_made_beside_the_database_too(shell: Shell) -> None:
    made = shell("keys", "create", "my-laptop", "--local")
    laptop = Shell({**shell.variables, "PATCHBAY_API_KEY": made.stdout.strip()}, shell.folder)

    assert "my-laptop" in laptop("keys", "list").stdout
    assert "my-laptop" in shell("keys", "list", "--local").stdout


def test_a_workflow_is_paused_resumed_rolled_back_archived_and_deleted(shell: Shell) -> None:
    shell.apply("name: passing\nnodes: {a: {type: transform, set: {x: 1}}}")
    shell.apply("name: passing\nnodes: {a: {type: transform, set: {x: 2}}}")

    acts = [("pause",), ("resume",), ("publish", "--version", "1"), ("archive",)]
    said = [shell("workflows", act, "passing", *options).stdout for act, *options in acts]
    text = shell("workflows", "show", "passing", "--text").stdout
    shown = shell("workflows", "show", "passing").stdout
    unsure = shell("workflows", "delete", "passing")
    deleted = shell("workflows", "delete", "passing", "--yes")

    assert said == ["passing: paused\n", "passing: active\n", "passing: version 1 published\n", "passing: archived\n"]
    assert text == "name: passing\nnodes: {a: {type: transform, set: {x: 2}}}"
    assert "1*" in shown
    assert unsure.returncode == 1
    assert deleted.returncode == 0, deleted.stderr
    assert "passing" not in shell("workflows", "list").stdout


def test_without_a_key_a_command_says_how_to_get_one() -> None:
    failed = patchbay("executions", "list")

    assert failed.returncode == 1
    assert failed.stderr.startswith("error: this needs an API key: set PATCHBAY_API_KEY")


def test_without_a_hub_a_command_says_how_to_start_one(shell: Shell) -> None:
    failed = patchbay("executions", "list", variables={**shell.variables, "PATCHBAY_URL": "http://127.0.0.1:9"})

    assert failed.returncode == 1
    assert failed.stderr.startswith("error: no hub answers at http://127.0.0.1:9")
    assert "patchbay serve" in failed.stderr


def test_a_dry_run_says_what_applying_would_change_and_changes_nothing(shell: Shell) -> None:
    shell.apply("name: planned\nnodes: {a: {type: delay, for: 1h}}")
    file = shell.folder / "planned.yaml"
    file.write_text("name: planned\nnodes: {a: {type: delay, for: 5m}}")
    fresh = shell.folder / "fresh.yaml"
    fresh.write_text("name: never-created\nnodes: {a: {type: delay, for: 5m}}")

    planned = shell("apply", "--dry-run", str(file), str(fresh))
    as_json = shell.json("apply", "--dry-run", str(file))

    assert planned.returncode == 0, planned.stderr
    assert "planned: 1 change from the published version 1\n" in planned.stdout
    assert "nodes.a.for  for of `a` went from 1h to 5m" in planned.stdout
    assert "never-created: would be created\n" in planned.stdout
    assert as_json[0]["diff"]["changes"][0]["place"] == "nodes.a.for"
    assert shell.json("workflows", "show", "planned")["latest"] == 1
    assert "never-created" not in shell("workflows", "list").stdout


def test_two_versions_are_compared(shell: Shell) -> None:
    for attempts in (3, 5):
        shell.apply(
            "name: compared\nnodes: {call: {type: connector, use: http.request, "
            f'with: {{url: "http://shop.example"}}, retry: {{max_attempts: {attempts}}}}}}}'
        )

    compared = shell("workflows", "diff", "compared", "1", "2")
    by_default = shell("workflows", "diff", "compared")

    assert compared.stdout.startswith("version 1 to 2: 1 change\n")
    assert "retry of `call` went from 3 to 5 attempts" in compared.stdout
    assert by_default.stdout == "version 2 to 2: no changes\n"


def test_a_version_is_labelled_published_by_its_label_and_rolled_back(shell: Shell) -> None:
    for seconds in (1, 2, 3):
        shell.apply(f"name: going-back\nnodes: {{a: {{type: delay, for: {seconds}s}}}}")

    labelled = shell("workflows", "label", "going-back", "stable", "2")
    published = shell("workflows", "publish", "going-back", "--label", "stable", "--note", "ticket 7")
    back = shell("workflows", "rollback", "going-back")
    chosen = shell("workflows", "rollback", "going-back", "--to", "stable", "--note", "enough")
    shown = shell("workflows", "show", "going-back").stdout
    removed = shell("workflows", "unlabel", "going-back", "stable")
    unknown = shell("workflows", "rollback", "going-back", "--to", "stable")

    assert labelled.stdout == "version 2 is stable now\n"
    assert published.stdout == "going-back: version 2 published\n"
    assert back.stdout == "going-back: back at version 1\n"
    assert chosen.stdout == "going-back: back at version 2\n"
    assert "enough" in shown
    assert "stable" in shown
    assert removed.stdout == "removed the label stable\n"
    assert unknown.returncode == 1
    assert 'has no version "stable"' in unknown.stderr


def test_a_failed_execution_is_replayed_from_start_with_another_input(shell: Shell) -> None:
    shell.apply(
        "name: replayed\nnodes:\n"
        '  check: {type: condition, if: "trigger.data.n > 1"}\n'
        "  good: {type: transform, value: fine}\n"
        "  bad: {type: stop, as: failed, message: too small}\n"
        "edges: [check.true -> good, check.false -> bad]\n"
    )
    shell("workflows", "execute", "replayed", "--input", '{"n": 1}')
    (old,) = shell.json("executions", "list", "--workflow", "replayed")

    running = shell.json("executions", "replay", old["id"], "--from", "start", "--input", '{"n": 2}')
    followed = shell("executions", "show", running["execution_id"], "--follow")
    refused = shell("executions", "replay", running["execution_id"])

    assert followed.returncode == 0, followed.stdout
    assert 'result "fine"' in followed.stdout
    assert refused.returncode == 1
    assert "not failed; replay it from start" in refused.stderr


def test_events_are_split_between_two_versions_and_both_are_compared(shell: Shell) -> None:
    for seconds in (1, 2):
        shell.apply(f"name: shared\nnodes: {{a: {{type: delay, for: {seconds}ms}}}}")
    shell("workflows", "publish", "shared", "--version", "1")

    begun = shell("workflows", "split", "shared", "2", "25")
    compared = shell.json("workflows", "split", "shared")
    unclear = shell("workflows", "split", "shared", "2")
    ended = shell("workflows", "split", "shared", "--end")
    gone = shell("workflows", "split", "shared")

    assert begun.returncode == 0, begun.stderr
    assert "75 %" in begun.stdout
    assert (compared["version"], compared["base"], compared["percent"]) == (2, 1, 25)
    assert unclear.returncode == 2
    assert ended.stdout == "all events run the published version again\n"
    assert (gone.returncode, "are not split" in gone.stderr) == (1, True)
