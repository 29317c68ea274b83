"""The report: a table for people, which is Markdown so that it can be pasted, and JSON for programs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Result, Run
from benchmarks.workloads import START

W1_PER_S = 2500
W1_SHARE_OF_BARE = 0.10
W2_P50_MS = 10
W3_PER_S = 600
EMBEDDED_W1_PER_S = 1000
COLD_START_S = 1.5
IDLE_MB = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is promised of one workload; ``connections`` 0 means at any number of them."""

    workload: str
    backend: str
    text: str
    is_met: Callable[[Result], bool]
    connections: int = 0

    def applies_to(self, result: Result) -> bool:
        place = (self.workload, self.backend) == (result.workload, result.backend)
        return place and self.connections in (0, result.connections)


def targets(bare_rps: float) -> tuple[Target, ...]:
    """Return what must be reached beside this bare endpoint."""
    wanted = min(W1_PER_S, W1_SHARE_OF_BARE * bare_rps)
    return (
        Target(
            workload="w1",
            backend="distributed",
            text=f"≥ {wanted:,.0f} finished/s",
            is_met=lambda one: one.finished_per_s >= wanted,
        ),
        Target(
            workload="w2",
            backend="distributed",
            text=f"p50 < {W2_P50_MS} ms",
            is_met=lambda one: one.p50_ms < W2_P50_MS,
            connections=1,
        ),
        Target(
            workload="w3",
            backend="distributed",
            text=f"≥ {W3_PER_S} finished/s",
            is_met=lambda one: one.finished_per_s >= W3_PER_S,
        ),
        Target(
            workload="w1",
            backend="embedded",
            text=f"≥ {EMBEDDED_W1_PER_S:,} finished/s",
            is_met=lambda one: one.finished_per_s >= EMBEDDED_W1_PER_S,
        ),
        Target(
            workload=START,
            backend="embedded",
            text=f"start < {COLD_START_S} s, idle < {IDLE_MB} MB",
            is_met=lambda one: (one.cold_start_s or 0) < COLD_START_S and (one.idle_rss_mb or 0) < IDLE_MB,
        ),
    )


def verdict(result: Result, bare_rps: float) -> str:
    """Return the target and whether it is met; empty when nothing is promised."""
    for target in targets(bare_rps):
        if target.applies_to(result):
            return f"{target.text}: {'met' if target.is_met(result) else 'MISSED'}"
    return ""


def render(run: Run) -> str:
    """Return the whole report."""
    parts = [
        f"Bare Starlette endpoint: {run.bare_rps:,.0f} requests/s ({', '.join(f'{one:,.0f}' for one in run.bare)}).",
        f"Load from {run.load}, {run.seconds} s of it for W1 and W3.",
        f"{run.machine}, {run.taken_at:%Y-%m-%d}.",
        "",
        *_speed(run),
    ]
    starts = [one for one in run.results if one.workload == START]
    if starts:
        parts += ["", *_starts(starts, run.bare_rps)]
    if run.skipped:
        parts += ["", f"Not measured, for want of servers: {', '.join(run.skipped)}."]
    if run.problems:
        parts += ["", "These figures are wrong, because:", "", *(f"- {problem}" for problem in run.problems)]
    return "\n".join(parts) + "\n"


def write_json(run: Run, path: Path) -> None:
    """Write the run as JSON, making the folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run.as_json(), indent=2) + "\n")


def _speed(run: Run) -> list[str]:
    head = [
        "load",
        "hub",
        "conns",
        "accepted/s",
        "finished/s",
        "of bare",
        "p50 ms",
        "p99 ms",
        "CPU ms",
        "lost",
        "MB",
        "target",
    ]
    rows = [
        [
            one.workload.upper(),
            one.backend,
            str(one.connections),
            f"{one.accepted_per_s:,.0f}",
            f"{one.finished_per_s:,.0f}",
            f"{one.finished_per_s / run.bare_rps:.1%}" if run.bare_rps else "",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{sum(one.cpu_ms.values()):.2f}",
            str(one.lost),
            f"{one.rss_mb:.0f}",
            verdict(one, run.bare_rps) if one.workload != START else "",
        ]
        for one in run.results
    ]
    return _table(head, rows)


def _starts(starts: Sequence[Result], bare_rps: float) -> list[str]:
    head = ["hub", "cold start s", "idle MB", "MB after 5,000", "target"]
    rows = [
        [one.backend, f"{one.cold_start_s:.2f}", f"{one.idle_rss_mb:.0f}", f"{one.rss_mb:.0f}", verdict(one, bare_rps)]
        for one in starts
    ]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out a Markdown table whose columns line up."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return [f"| {' | '.join(line)} |" for line in padded]
