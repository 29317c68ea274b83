"""``python -m benchmarks``: measure, print the table, write the figures; leave nothing behind, Ctrl-C included.

Exit codes: 0 measured, 1 an event was lost or the figures are wrong otherwise, 2 something could not be measured.
"""

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.figures import Result, Run
from benchmarks.hubs import BACKENDS, DISTRIBUTED, Servers, find_servers, prepared
from benchmarks.load import choose
from benchmarks.measuring import Plan, measure_bare, measure_start, measure_workloads, say
from benchmarks.processes import start_module, wait_for_port
from benchmarks.profiling import find_program
from benchmarks.report import render, write_json
from benchmarks.workloads import NAMES, START, WORKLOADS, body
from tests.services.finding import Unavailable
from tests.services.private import free_port

BUILD = Path("build")


def main() -> int:
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, _interrupt)
    given = _parser().parse_args()
    try:
        run = _run(given)
    except KeyboardInterrupt:
        say("stopped; everything that was started has ended")
        return 130
    except BenchmarkError as error:
        say(str(error))
        return 2
    write_json(run, given.output)
    print(render(run), end="")
    say(f"written to {given.output}")
    return 1 if run.problems else 2 if run.skipped else 0


def _run(given: argparse.Namespace) -> Run:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="patchbay-bench-")))
        (folder / "body.json").write_bytes(body())
        plan = Plan(
            names=given.only,
            seconds=given.seconds,
            connections=given.connections,
            load=choose(given.load, body=folder / "body.json"),
            profiles=BUILD / "profiles" if given.profile and find_program() else None,
        )
        servers, skipped = _servers(stack, given.backend)
        backends = [one for one in given.backend if one not in skipped]
        first = measure_bare(plan, folder)
        results = tuple(_results(plan, backends, servers, folder=folder))
        bare = (first, measure_bare(plan, folder))
    return Run(
        bare=bare,
        results=results,
        skipped=skipped,
        load=plan.load.kind,
        seconds=plan.seconds,
        machine=_machine(),
        taken_at=datetime.now(UTC),
    )


def _servers(stack: ExitStack, backends: tuple[str, ...]) -> tuple[Servers | None, tuple[str, ...]]:
    """Return the servers, and the backends that cannot be measured because there are none."""
    if DISTRIBUTED not in backends:
        return None, ()
    try:
        return find_servers(stack), ()
    except Unavailable as error:
        say(f"{DISTRIBUTED} is not measured: {error}")
        return None, (DISTRIBUTED,)


def _results(plan: Plan, backends: Sequence[str], servers: Servers | None, *, folder: Path) -> Iterator[Result]:
    with ExitStack() as stack:
        port = free_port()
        echo = start_module("benchmarks.echo", str(port), folder=folder)
        stack.callback(echo.stop)
        wait_for_port(port, echo)
        for backend in backends:
            # A hub of its own for the starts: how big its database is must not depend on the speed measured before.
            if set(plan.names) != {START}:
                with prepared(backend, servers, folder=folder, echo_url=f"http://127.0.0.1:{port}/") as hub:
                    yield from measure_workloads(plan, hub)
            if START in plan.names:
                with prepared(backend, servers, folder=folder, echo_url=f"http://127.0.0.1:{port}/") as hub:
                    yield measure_start(plan, hub)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measure Patchbay: {', '.join(one.name for one in WORKLOADS)} under load, {START} its start.",
        epilog='Example: make bench ARGS="--only w1,w3 --backend distributed --seconds 5"',
    )
    parser.add_argument("--only", type=_names, default=NAMES, metavar="W1,W3", help="these workloads (default: all)")
    parser.add_argument("--backend", type=_backends, default=BACKENDS, metavar="NAME", help="distributed or embedded")
    parser.add_argument("--seconds", type=_seconds, default=10, help="of load for W1 and W3; W2 takes half (10)")
    parser.add_argument("--connections", type=_numbers, default=(), metavar="1,64", help="instead of each workload's")
    parser.add_argument("--load", choices=["auto", "wrk", "python"], default="auto", help="what makes the load")
    parser.add_argument("--profile", action="store_true", help="where the time goes: build/profiles, by py-spy")
    parser.add_argument("--output", type=Path, default=BUILD / "bench.json", help="the figures (build/bench.json)")
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part.strip().lower() for part in text.split(","))
    if not set(names) <= set(NAMES):
        raise argparse.ArgumentTypeError(f"choose from {', '.join(NAMES)}")
    return names


def _backends(text: str) -> tuple[str, ...]:
    if text not in BACKENDS:
        raise argparse.ArgumentTypeError(f"choose one of {', '.join(BACKENDS)}")
    return (text,)


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("write a whole number of seconds, at least 1")
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError("write numbers of connections, such as 1,16,64")
    return tuple(int(part) for part in parts)


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores shared by the hub, its servers and the load, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def _interrupt(_number: int, _frame: object) -> None:
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)  # once is enough: everything is being stopped
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
