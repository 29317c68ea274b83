"""The lines of a trace: what is inside a step stands below it, long loops are folded, and nothing is lost."""

from collections.abc import Sequence

import pytest

from gateway.trace_steps import TraceStep
from gateway.trace_tree import FOLDED_FROM, Line, lines


def done(path: str, **fields: object) -> TraceStep:
    return TraceStep(path=path, kind="k", **{"status": "succeeded", **fields})  # type: ignore[arg-type]


def told(found: Sequence[Line]) -> list[str]:
    """Each line as text, indented by its depth."""
    return [
        "  " * line.depth + (f"… {line.more}" if line.more else f"{line.label} {line.absent}".rstrip())
        for line in found
    ]


def loop(count: int, *, broken: Sequence[int] = (), begun: int = 0) -> list[TraceStep]:
    inside = [done(f"all[{n}].x", status="failed" if n in broken else "succeeded") for n in range(count)]
    return [*inside, done("all", begun=begun or count)]


def test_what_is_inside_a_step_stands_below_it_where_its_first_step_was() -> None:
    steps = [
        done("first"),
        done("orders[0].charge"),
        done("beside"),
        done("orders[0].lines[0].y"),
        done("orders[0].lines[1].y"),
        done("orders[0].lines"),
        done("orders"),
        done("both.left.a"),
        done("both"),
        done("last"),
    ]

    assert told(lines(steps)) == [
        "first",
        "orders",
        "  [0].charge",
        "  [0].lines",
        "    [0].y",
        "    [1].y",
        "beside",
        "both",
        "  left.a",
        "last",
    ]


def test_iterations_stand_in_their_order_whoever_was_first() -> None:
    steps = [done("all[2].x"), done("all[10].x"), done("all[0].x"), done("all[0].y"), done("all")]

    assert told(lines(steps, whole=True)) == ["all", "  [0].x", "  [0].y", "  … 1", "  [2].x", "  … 7", "  [10].x"]


def test_attempts_and_further_visits_stand_by_themselves() -> None:
    steps = [done("a[0].x", status="retrying"), done("a[0].x", attempt=2), done("a"), done("a#2[0].x"), done("a#2")]

    assert told(lines(steps)) == ["a", "  [0].x", "  [0].x", "a#2", "  [0].x"]


def test_what_comes_after_the_work_stands_at_the_end_with_its_whole_path() -> None:
    steps = [done("a[0].x"), done("a"), done("a[0].x.undo"), done("finally.all[0].y"), done("finally.all")]

    assert told(lines(steps)) == ["a", "  [0].x", "a[0].x.undo", "finally.all", "  [0].y"]


def test_a_long_loop_shows_its_first_and_last_iterations_and_those_that_failed() -> None:
    assert told(lines(loop(1000, broken=[5, 6]))) == [
        "all",
        "  [0].x",
        "  [1].x",
        "  … 3",
        "  [5].x",
        "  [6].x",
        "  … 992",
        "  [999].x",
    ]


def test_of_many_failures_only_some_are_shown() -> None:
    shown = lines(loop(100, broken=range(10, 90)))

    assert len([line for line in shown if line.step is not None and line.step.status == "failed"]) == 5


@pytest.mark.parametrize("count", [1, 2, 3, FOLDED_FROM - 1, FOLDED_FROM, 50])
@pytest.mark.parametrize("whole", [True, False])
def test_shown_and_folded_iterations_make_up_all(count: int, whole: bool) -> None:
    shown = lines(loop(count), whole=whole)

    assert sum(line.more or 1 for line in shown[1:]) == count
    assert any(line.more for line in shown) is (count >= FOLDED_FROM and not whole)


def test_iterations_that_were_not_read_are_counted() -> None:
    steps = [done("all[0].x"), done("all[1].x"), done("all[9999].x"), done("all", begun=10_000)]

    assert told(lines(steps)) == ["all", "  [0].x", "  [1].x", "  … 9997", "  [9999].x"]


def test_a_part_of_a_loop_begins_where_it_begins() -> None:
    steps = [*(done(f"all[{n}].x") for n in range(5000, 5020)), done("all", begun=20, first=5000)]

    assert told(lines(steps)) == ["all", "  [5000].x", "  [5001].x", "  … 17", "  [5019].x"]


@pytest.mark.parametrize(
    ("outer", "first", "why"),
    [
        ("succeeded", "succeeded", "not on the path"),
        ("succeeded", "cancelled", "did not run"),
        ("failed", "failed", "did not run"),
        ("running", "succeeded", "still to come"),
    ],
)
def test_the_nodes_of_a_branch_that_did_not_run_say_why(outer: str, first: str, why: str) -> None:
    steps = [done("both.left.a", status=first), done("both", status=outer, inner=("left.a", "left.b", "right.c"))]

    found = told(lines(steps))

    assert found[:3] == ["both", "  left.a", f"  left.b {why}"]
    assert found[3] == f"  right.c {'still to come' if outer == 'running' else 'did not run'}"


def test_a_step_without_the_one_around_it_stands_by_itself() -> None:
    assert told(lines([done("orders[3].charge")])) == ["orders[3].charge"]
