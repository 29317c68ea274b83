"""The commands that need no hub, as programs: ``check``, ``run`` and ``demo``."""

import json
from pathlib import Path

import pytest

from tests.processes import patchbay

pytestmark = pytest.mark.acceptance

WRONG = """name: wrong
nodes:
  a: {type: transform, set: {x: 1}, sett: 1}
  b: {type: transform, set: {x: "{{ 1 | titel }}"}}
  c: {type: connector, use: http.requets}
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(WRONG)
    return file


def test_check_points_at_every_problem(wrong: Path) -> None:
    checked = patchbay("check", str(wrong), "examples/quote.yaml")

    lines = checked.stdout.splitlines()
    assert checked.returncode == 1
    assert checked.stderr == ""
    assert lines[0].startswith(f"{wrong}:3:37: nodes.a.sett: ")
    assert lines[1] == "    3 |   a: {type: transform, set: {x: 1}, sett: 1}"
    assert lines[2].index("^") == lines[1].index("sett:")
    assert any(line.startswith(f"{wrong}:4:") and "titel" in line for line in lines)
    assert any(line.startswith(f"{wrong}:5:") and 'did you mean "http.request"?' in line for line in lines)
    assert f"{wrong}: 3 problems" in lines
    assert lines[-1] == "examples/quote.yaml: fine (quote)"


def test_check_tells_programs_the_same(wrong: Path) -> None:
    checked = patchbay("check", str(wrong), "--json")

    (told,) = json.loads(checked.stdout)
    assert checked.returncode == 1
    assert told["ok"] is False
    assert [problem["line"] for problem in told["problems"]] == [3, 4, 5]


def test_check_warns_of_what_does_not_run_and_finds_nothing_wrong_with_it() -> None:
    text = "name: a\nnodes: {b: {type: transform, value: 1, pin: 2}, c: {type: transform, value: 1, disabled: true}}"

    checked = patchbay("check", "-", input=text)
    told = patchbay("check", "-", "--json", input=text)

    assert (checked.returncode, told.returncode) == (0, 0)
    assert checked.stdout.splitlines() == [
        "-: fine (a)",
        "-: warning: nodes.b.pin: the node does not run, its output is always the pinned one",
        "-: warning: nodes.c.disabled: the node does nothing and passes its input on",
    ]
    assert [warning["place"] for warning in json.loads(told.stdout)[0]["warnings"]] == [
        "nodes.b.pin",
        "nodes.c.disabled",
    ]


def test_check_reads_standard_input() -> None:
    assert patchbay("check", "-", input="name: a\nnodes: {b: {type: stop}}").returncode == 0


def test_run_shows_what_a_definition_does() -> None:
    ran = patchbay("run", "examples/fan-out.yaml", "--input", '{"price": 20, "count": 3}')

    assert ran.returncode == 0, ran.stderr
    assert "✓ fan-out succeeded in" in ran.stdout
    assert 'result {"total": 65}' in ran.stdout
    assert ran.stderr == ""


def test_run_reads_its_input_from_a_file_and_prints_json_only(tmp_path: Path) -> None:
    given = tmp_path / "input.json"
    given.write_text('{"item": "pear", "count": 4}')

    ran = patchbay("run", "examples/quote.yaml", "--input", f"@{given}", "--json")

    execution = json.loads(ran.stdout)
    assert execution["status"] == "succeeded"
    assert [step["path"] for step in execution["steps"]] == ["is_known", "price", "answer", "log"]
    assert execution["progress"]["skipped"] == ["refuse"]


def test_run_ends_with_1_when_the_execution_fails(tmp_path: Path) -> None:
    file = tmp_path / "failing.yaml"
    file.write_text("name: failing\nnodes: {a: {type: stop, as: failed, message: out of stock}}")

    ran = patchbay("run", str(file))

    assert ran.returncode == 1
    assert "✗ failing failed" in ran.stdout
    assert "out of stock" in ran.stdout


def test_run_needs_no_secret_and_lets_no_schedule_tick() -> None:
    order = {"type": "order.paid", "amount": 20, "customer": {"name": "ada"}}

    small = patchbay("run", "examples/paid-orders.yaml", "-i", json.dumps(order))
    tick = patchbay("run", "examples/heartbeat.yaml", "--trigger", "tick", "--json")

    assert small.returncode == 0, small.stderr
    assert "is_big      condition → false" in small.stdout
    assert json.loads(tick.stdout)["trigger_key"] == "tick"


def test_run_says_that_a_filter_let_nothing_through() -> None:
    ran = patchbay("run", "examples/paid-orders.yaml", "-i", '{"type": "order.moved"}')

    assert ran.returncode == 1
    assert ran.stdout == 'not started: filtered, the filter is false: trigger.data.type == "order.paid"\n'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "{"], "error: --input is not JSON: "),
        (["--input", "@missing.json"], 'error: "missing.json" cannot be read: '),
        (["--trigger", "ticket"], 'error: the definition has no trigger "ticket"; it has by_hand\n'),
    ],
)
def test_run_refuses_what_it_cannot_use(arguments: list[str], message: str) -> None:
    ran = patchbay("run", "examples/fan-out.yaml", *arguments)

    assert ran.returncode == 1
    assert ran.stderr.startswith(message)


def test_the_demo_shows_everything_and_ends_well() -> None:
    demo = patchbay("demo", variables={"NO_COLOR": "1"})

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""
    for name in ("paid-orders", "fan-out", "ship-orders", "follow-up", "heartbeat"):
        assert f"✓ {name} succeeded in" in demo.stdout
    assert "  202  " in demo.stdout
    assert "  401  " in demo.stdout
    assert "a duplicate of" in demo.stdout
    assert "↻  tell_sales" in demo.stdout
    assert '{"item": "pear", "price": 12}' in demo.stdout
    assert "  ✗    [1].parcel " in demo.stdout
    assert "difference 0" in demo.stdout
    assert "make serve" in demo.stdout


def test_a_terminal_without_unicode_gets_plain_signs() -> None:
    ran = patchbay("run", "examples/heartbeat.yaml", variables={"PYTHONIOENCODING": "ascii"})

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("+ heartbeat succeeded in")
