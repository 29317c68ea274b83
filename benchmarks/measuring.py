"""Takes the measurements: warm up, load, wait for the last execution, count, compare."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.counting import count, wait_until_idle
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Load, Measured, Result
from benchmarks.hubs import PreparedHub
from benchmarks.load import LoadGenerator
from benchmarks.processes import post, start_module, wait_for_port
from benchmarks.profiling import recorded
from benchmarks.workloads import START, WORKLOADS, Workload, body
from tests.services.private import free_port

WARM_UP_SECONDS = 2
BARE_SECONDS = 4
BARE_CONNECTIONS = 64
IDLE_SECONDS = 1.0
STARTS = 3
START_REQUESTS = 5000
START_CONNECTIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for. ``connections`` empty: what each workload is meant to have. ``profiles``: where to, if so."""

    names: tuple[str, ...]
    seconds: int
    connections: tuple[int, ...]
    load: LoadGenerator
    profiles: Path | None


def say(text: str) -> None:
    """Tell a person what is going on, apart from the report."""
    print(text, file=sys.stderr, flush=True)


def measure_bare(plan: Plan, folder: Path) -> float:
    """Return the requests per second of the bare endpoint."""
    with ExitStack() as stack:
        port = free_port()
        process = start_module("benchmarks.bare", str(port), folder=folder)
        stack.callback(process.stop)
        wait_for_port(port, process)
        url = f"http://127.0.0.1:{port}/"
        plan.load.run(url, connections=BARE_CONNECTIONS, seconds=1)
        load = plan.load.run(url, connections=BARE_CONNECTIONS, seconds=BARE_SECONDS)
    if load.failed or load.errors or not load.requests:
        raise BenchmarkError(f"the bare endpoint did not answer properly: {load}")
    say(f"bare endpoint: {load.accepted_per_s:,.0f} requests per second")
    return load.accepted_per_s


def measure_workloads(plan: Plan, prepared: PreparedHub) -> Iterator[Result]:
    """Measure W1 to W3, as far as they are wanted, on one running hub."""
    wanted = [one for one in WORKLOADS if one.name in plan.names]
    if not wanted:
        return
    with prepared.running() as hub:
        for workload in wanted:
            _check_answer(hub, workload)
            for connections in plan.connections or workload.connections:
                yield _measure(plan, hub, workload, connections=connections)


def measure_start(plan: Plan, prepared: PreparedHub) -> Result:
    """Measure W4: cold starts, then memory when idle and after so many executions."""
    seconds = statistics.median(_start_seconds(prepared) for _ in range(STARTS))
    with prepared.running() as hub:
        _settle(hub)
        time.sleep(IDLE_SECONDS)
        idle_mb = hub.rss_mb()

        def load() -> Load:
            return plan.load.send(f"{hub.url}/hooks/w1", connections=START_CONNECTIONS, requests=START_REQUESTS)

        result = _take(hub, load).result(START, hub.backend, connections=START_CONNECTIONS)
    return _said(replace(result, cold_start_s=seconds, idle_rss_mb=idle_mb))


def _start_seconds(prepared: PreparedHub) -> float:
    """From the command to the first answered webhook, of the role that answers."""
    began = time.monotonic()
    with prepared.answering():
        return time.monotonic() - began


def _check_answer(hub: PreparedHub, workload: Workload) -> None:
    """Prove that the hook does what is about to be measured."""
    status, answer = post(f"{hub.url}{workload.path}", body())
    is_right = status == workload.status and (workload.answers is None or json.loads(answer) == workload.answers)
    if not is_right:
        raise BenchmarkError(f"{workload.name} on {hub.backend} answered {status} {answer[:300]!r}")


def _measure(plan: Plan, hub: PreparedHub, workload: Workload, *, connections: int) -> Result:
    url = f"{hub.url}{workload.path}"
    seconds = max(1, round(plan.seconds * workload.share))
    plan.load.run(url, connections=connections, seconds=WARM_UP_SECONDS)
    _settle(hub)

    def load() -> Load:
        prefix = f"{hub.backend}-{workload.name}-{connections}"
        with recorded(hub.processes, plan.profiles, prefix=prefix, seconds=seconds):
            return plan.load.run(url, connections=connections, seconds=seconds)

    return _said(_take(hub, load).result(workload.name, hub.backend, connections=connections))


def _take(hub: PreparedHub, load: Callable[[], Load]) -> Measured:
    """Apply the load, and count what the database has in addition once everything has ended, or got stuck."""
    before = count(hub.database_url)
    cpu_before = hub.cpu_seconds()
    started_at = datetime.now(UTC)
    seen = load()
    wait_until_idle(hub.database_url)
    hub.check()
    rss_mb = hub.rss_mb()
    cpu = {name: seconds - cpu_before[name] for name, seconds in hub.cpu_seconds().items()}
    came = count(hub.database_url).since(before)
    return Measured(load=seen, came=came, started_at=started_at, rss_mb=rss_mb, cpu_seconds=cpu)


def _settle(hub: PreparedHub) -> None:
    left = wait_until_idle(hub.database_url)
    hub.check()
    if left:
        raise BenchmarkError(f"{left} executions of the warm-up never ended; the logs are in {hub.folder}")


def _said(result: Result) -> Result:
    say(
        f"{result.workload} {result.backend} {result.connections}: {result.finished_per_s:,.0f} finished per second, "
        f"p50 {result.p50_ms:.1f} ms{''.join(f'; {problem}' for problem in result.problems)}"
    )
    return result
