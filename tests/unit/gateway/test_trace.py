"""The trace that people read in a terminal."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from gateway.trace import Trace, excerpt, show_trace, span
from gateway.trace_steps import TraceStep

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def after(**units: float) -> datetime:
    return NOON + timedelta(**units)


def trace(**fields: object) -> Trace:
    given = {"id": "0198", "workflow": "orders", "trigger": "paid", "status": "succeeded", "steps": (), **fields}
    return Trace(**given)  # type: ignore[arg-type]


def shown(told: Trace, *, width: int = 100, color: bool = False) -> list[str]:
    """The lines that ``told`` becomes, without the spaces at their ends."""
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None)
    show_trace(told, console)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_head_says_what_ran_how_it_ended_and_how_long_it_took() -> None:
    told = trace(created_at=NOON, finished_at=after(milliseconds=1500))

    assert shown(told) == ["✓ orders succeeded in 1.5 s  paid · 0198"]


def test_steps_stand_in_columns() -> None:
    steps = [
        TraceStep(
            path="is_big",
            kind="condition",
            status="succeeded",
            ports=("true",),
            started_at=NOON,
            finished_at=NOON,
            output=7,
        ),
        TraceStep(
            path="tell",
            kind="http.request",
            status="succeeded",
            ports=("main",),
            started_at=NOON,
            finished_at=after(milliseconds=12),
            output={"a": 1},
        ),
    ]

    assert shown(trace(steps=steps))[1:] == [
        "  ✓  is_big  condition → true  <1 ms  7",
        '  ✓  tell    http.request      12 ms  {"a": 1}',
    ]


def test_an_attempt_that_is_followed_by_another_says_why_and_until_when() -> None:
    step = TraceStep(path="tell", kind="http.request", status="retrying", error="busy", due_at=NOON)
    again = TraceStep(path="tell", kind="http.request", status="running", attempt=2)

    first, second = shown(trace(status="running", steps=[step, again]))[1:]

    assert first.startswith("  ↻  tell")
    assert first.endswith(f"busy; waits until {NOON.astimezone():%H:%M:%S}")
    assert second == "  ▸  tell attempt 2  http.request"


def test_a_waiting_execution_says_for_what_and_what_is_to_come() -> None:
    pause = TraceStep(path="pause", kind="delay", status="waiting", due_at=NOON, wait_reason="delay")
    told = trace(status="waiting", due_at=NOON, wait_reason="delay", steps=[pause], ahead=["ask"])

    until = f"{NOON.astimezone():%H:%M:%S}"
    assert shown(told) == [
        f"◷ orders waiting until {until} (delay)  paid · 0198",
        f"  ◷  pause  delay    waits until {until} (delay)",
        "  …  ask             still to come",
    ]


def test_a_step_whose_node_did_not_run_says_why() -> None:
    step = TraceStep(path="ask", kind="http.request", status="succeeded", note="pinned", output=1)

    assert shown(trace(steps=[step]))[1] == "  ✓  ask  http.request (pinned)    1"


def test_a_failure_is_shown_at_its_step_and_at_the_end() -> None:
    step = TraceStep(path="tell", kind="http.request", status="failed", error="remote_rejected: no")
    told = trace(status="failed", steps=[step], skipped=["thank"], ahead=["log"], error="tell: remote_rejected: no")

    assert shown(told) == [
        "✗ orders failed  paid · 0198",
        "  ✗  tell   http.request    remote_rejected: no",
        "  ○  thank                  not on the path",
        "  …  log                    did not run",
        "  error: tell: remote_rejected: no",
    ]


def test_long_output_is_cut_where_the_terminal_ends() -> None:
    step = TraceStep(path="a", kind="transform", status="succeeded", output="x" * 500)

    lines = shown(trace(steps=[step], output="y" * 500), width=60)

    assert [len(line) for line in lines[1:]] == [60, 60]
    assert all(line.endswith("…") for line in lines[1:])


def test_texts_of_others_are_not_taken_for_markup() -> None:
    step = TraceStep(path="a", kind="transform", status="succeeded", output="[red]no[/red] :smile:")

    assert '"[red]no[/red] :smile:"' in shown(trace(steps=[step]))[1]


def test_colours_are_there_when_the_console_has_them() -> None:
    told = trace(created_at=NOON, finished_at=NOON)

    assert "\x1b[32m✓" in shown(told, color=True)[0]
    assert "\x1b" not in shown(told)[0]


@pytest.mark.parametrize(
    ("took", "text"),
    [
        (timedelta(microseconds=900), "<1 ms"),
        (timedelta(milliseconds=999), "999 ms"),
        (timedelta(seconds=1.25), "1.2 s"),
        (timedelta(minutes=3), "3 min"),
    ],
)
def test_a_span_has_the_unit_that_reads_best(took: timedelta, text: str) -> None:
    assert span(NOON, NOON + took) == text


def test_what_has_not_ended_has_no_span() -> None:
    assert span(NOON, None) == ""


def test_an_excerpt_is_one_line_of_json() -> None:
    assert excerpt({"text": "a\nb", "name": "Zoë"}) == '{"text": "a\\nb", "name": "Zoë"}'
    assert excerpt("x" * 100, 10) == '"xxxxxxxx…'
