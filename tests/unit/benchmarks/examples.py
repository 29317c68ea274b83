"""Measurements as the tests need them: all is well unless a test says otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.figures import Counts, Load, Measured, Result, Run

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD_LOAD = Load(requests=1000, failed=0, errors=0, seconds=10, p50_ms=4, p99_ms=9)
GOOD_COUNTS = Counts(events=1000, executions=1000, succeeded=1000, last_finished_at=START + timedelta(seconds=10))
GOOD_RESULT = Result(
    workload="w1",
    backend="distributed",
    connections=64,
    accepted_per_s=100,
    finished_per_s=90,
    p50_ms=4,
    p99_ms=9,
    lost=0,
    rss_mb=200,
)


def a_measurement(*, load: Load = GOOD_LOAD, came: Counts = GOOD_COUNTS) -> Measured:
    return Measured(load=load, came=came, started_at=START, rss_mb=200, cpu_seconds={"gateway": 2, "executor": 1})


def a_run(*results: Result, bare: tuple[float, ...] = (10_000, 12_000), skipped: tuple[str, ...] = ()) -> Run:
    return Run(bare=bare, results=results, load="wrk", seconds=10, machine="a machine", taken_at=START, skipped=skipped)


def a_result(**changes: Any) -> Result:
    return replace(GOOD_RESULT, **changes)
