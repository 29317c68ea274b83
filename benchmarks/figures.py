"""What is measured, as data, and the arithmetic that turns counts into figures. No input or output."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load generator saw. ``requests`` counts complete answers, ``failed`` those that were no success."""

    requests: int
    failed: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def accepted(self) -> int:
        """Answers with which the hub promised to keep an event."""
        return self.requests - self.failed

    @property
    def accepted_per_s(self) -> float:
        """Per second of load."""
        return self.accepted / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the database holds at one moment. ``orphans`` are started events that have no execution."""

    events: int = 0
    executions: int = 0
    succeeded: int = 0
    ended_otherwise: int = 0
    orphans: int = 0
    last_finished_at: datetime | None = None

    @property
    def unfinished(self) -> int:
        """Executions that still have something to do."""
        return self.executions - self.succeeded - self.ended_otherwise

    def since(self, before: "Counts") -> "Counts":
        """What has come in addition."""
        return Counts(
            events=self.events - before.events,
            executions=self.executions - before.executions,
            succeeded=self.succeeded - before.succeeded,
            ended_otherwise=self.ended_otherwise - before.ended_otherwise,
            orphans=self.orphans - before.orphans,
            last_finished_at=self.last_finished_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the report. ``cpu_ms``: per process and finished execution. The last two are what only W4 has."""

    workload: str
    backend: str
    connections: int
    accepted_per_s: float
    finished_per_s: float
    p50_ms: float
    p99_ms: float
    lost: int
    rss_mb: float
    cpu_ms: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    cold_start_s: float | None = None
    idle_rss_mb: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the figures under their published names; what was not measured is left out."""
        return {name: _rounded(value) for name, value in asdict(self).items() if value not in (None, (), {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A whole run. ``bare``: each measurement of the bare endpoint, per second; ``skipped``: backends not to be had."""

    bare: tuple[float, ...]
    results: tuple[Result, ...]
    load: str
    seconds: int
    machine: str
    taken_at: datetime
    skipped: tuple[str, ...] = ()

    @property
    def bare_rps(self) -> float:
        """The mean, because the machine at the start is not the machine at the end."""
        return sum(self.bare) / len(self.bare) if self.bare else 0.0

    @property
    def problems(self) -> tuple[str, ...]:
        """Everything that makes this run's figures wrong, each with its place."""
        return tuple(f"{one.workload} {one.backend}: {problem}" for one in self.results for problem in one.problems)

    def as_json(self) -> dict[str, Any]:
        return {
            "bare_rps": _rounded(self.bare_rps),
            "results": [one.as_json() for one in self.results],
            "bare_runs": [_rounded(one) for one in self.bare],
            "load": self.load,
            "seconds": self.seconds,
            "machine": self.machine,
            "skipped": list(self.skipped),
            "taken_at": self.taken_at.astimezone(UTC).isoformat(timespec="seconds"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One workload's raw material: what the load saw, and what the database holds because of it."""

    load: Load
    came: Counts
    started_at: datetime
    rss_mb: float
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def finished_per_s(self) -> float:
        """From the start of the load until the last execution ended, so that a backlog counts against the hub.

        Never less than the time of the load itself: ending early is not going faster.
        """
        last = self.came.last_finished_at
        took = (last - self.started_at).total_seconds() if last else 0.0
        return self.came.succeeded / max(took, self.load.seconds) if self.came.succeeded else 0.0

    @property
    def lost(self) -> int:
        """Promised and not finished. A load that ends before an answer arrives has fewer promises than finishes."""
        return max(0, self.load.accepted - self.came.succeeded)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the figures must not be believed, if so."""
        load, came = self.load, self.came
        found = {
            "nothing was accepted": load.accepted == 0,
            f"{load.failed} answers were no success": load.failed > 0,
            f"{load.errors} requests met a broken connection or no answer": load.errors > 0,
            f"{self.lost} accepted events have no finished execution": self.lost > 0,
            f"{came.unfinished} executions never ended": came.unfinished > 0,
            f"{came.ended_otherwise} executions did not succeed": came.ended_otherwise > 0,
            f"{came.orphans} started events have no execution": came.orphans > 0,
            f"{came.events} events made {came.executions} executions": came.events != came.executions,
        }
        return tuple(problem for problem, is_so in found.items() if is_so)

    def result(self, workload: str, backend: str, *, connections: int) -> Result:
        return Result(
            workload=workload,
            backend=backend,
            connections=connections,
            accepted_per_s=self.load.accepted_per_s,
            finished_per_s=self.finished_per_s,
            p50_ms=self.load.p50_ms,
            p99_ms=self.load.p99_ms,
            lost=self.lost,
            rss_mb=self.rss_mb,
            cpu_ms={name: 1000 * seconds / max(1, self.came.succeeded) for name, seconds in self.cpu_seconds.items()},
            problems=self.problems,
        )


def _rounded(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: round(one, 3) for name, one in value.items()}
    return round(value, 2) if isinstance(value, float) else value
