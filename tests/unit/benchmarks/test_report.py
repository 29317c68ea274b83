"""What people and programs read: the table, the targets, and the published shape of the JSON."""

import json
from pathlib import Path

import pytest

from benchmarks.figures import Result
from benchmarks.report import render, verdict, write_json
from tests.unit.benchmarks.examples import a_result, a_run

PUBLISHED = {
    "workload",
    "backend",
    "connections",
    "accepted_per_s",
    "finished_per_s",
    "p50_ms",
    "p99_ms",
    "lost",
    "rss_mb",
}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_json_has_the_published_fields(tmp_path: Path) -> None:
    write_json(a_run(a_result()), tmp_path / "build" / "bench.json")

    written = json.loads((tmp_path / "build" / "bench.json").read_text())

    assert written["bare_rps"] == 11_000
    assert written["load"] == "wrk"
    assert [set(one) for one in written["results"]] == [PUBLISHED]


def test_figures_are_written_with_two_decimals(tmp_path: Path) -> None:
    write_json(a_run(a_result(finished_per_s=1234.56789)), tmp_path / "bench.json")

    assert json.loads((tmp_path / "bench.json").read_text())["results"][0]["finished_per_s"] == 1234.57


def test_a_start_has_its_own_fields_beside_the_published_ones() -> None:
    start = a_result(workload="w4", cold_start_s=1.2, idle_rss_mb=100.0)

    [written] = a_run(start).as_json()["results"]

    assert set(written) == PUBLISHED | {"cold_start_s", "idle_rss_mb"}


def test_a_row_tells_the_ratio_to_the_bare_endpoint() -> None:
    lines = render(a_run(a_result(finished_per_s=2200))).splitlines()

    [head] = [line for line in lines if line.startswith("| load")]
    [row] = [line for line in lines if line.startswith("| W1")]
    told = dict(zip(cells(head), cells(row), strict=True))
    assert told["finished/s"] == "2,200"
    assert told["of bare"] == "20.0%"


def test_the_columns_line_up() -> None:
    table = [line for line in render(a_run(a_result(), a_result(finished_per_s=12345))).splitlines() if "|" in line]

    assert len({len(line) for line in table}) == 1


def test_the_report_says_what_made_the_load() -> None:
    assert "Load from wrk" in render(a_run(a_result()))


def test_wrong_figures_are_called_wrong() -> None:
    report = render(a_run(a_result(problems=("3 executions never ended",))))

    assert "These figures are wrong" in report
    assert "- w1 distributed: 3 executions never ended" in report


def test_a_backend_that_was_not_measured_is_named() -> None:
    assert "Not measured, for want of servers: distributed." in render(a_run(a_result(), skipped=("distributed",)))


@pytest.mark.parametrize(
    ("result", "bare_rps", "expected"),
    [
        (a_result(finished_per_s=2500), 40_000, "≥ 2,500 finished/s: met"),
        (a_result(finished_per_s=2499), 40_000, "≥ 2,500 finished/s: MISSED"),
        (a_result(finished_per_s=1100), 11_000, "≥ 1,100 finished/s: met"),
        (a_result(finished_per_s=1099), 11_000, "≥ 1,100 finished/s: MISSED"),
        (a_result(workload="w2", connections=1, p50_ms=9.9), 1, "p50 < 10 ms: met"),
        (a_result(workload="w2", connections=1, p50_ms=10.0), 1, "p50 < 10 ms: MISSED"),
        (a_result(workload="w2", connections=16, p50_ms=99.0), 1, ""),
        (a_result(workload="w3", finished_per_s=599), 1, "≥ 600 finished/s: MISSED"),
        (a_result(backend="embedded", finished_per_s=1000), 1, "≥ 1,000 finished/s: met"),
        (a_result(backend="embedded", workload="w3"), 1, ""),
    ],
)
def test_a_target_is_met_or_missed(result: Result, bare_rps: float, expected: str) -> None:
    assert verdict(result, bare_rps) == expected


@pytest.mark.parametrize(
    ("seconds", "idle_mb", "expected"), [(1.49, 119, "met"), (1.5, 100, "MISSED"), (1.0, 120, "MISSED")]
)
def test_a_start_must_be_quick_and_small(seconds: float, idle_mb: float, expected: str) -> None:
    start = a_result(workload="w4", backend="embedded", cold_start_s=seconds, idle_rss_mb=idle_mb)

    assert verdict(start, 1).endswith(expected)
