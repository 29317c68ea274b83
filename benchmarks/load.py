"""Makes load from a process of its own: wrk where it is installed, the Python client otherwise."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.figures import Load
from benchmarks.processes import ROOT

SCRIPT = Path(__file__).parent / "wrk.lua"
SPARE_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadGenerator:
    """``kind`` is ``wrk`` or ``python``; ``body`` is a file with what is posted."""

    kind: str
    body: Path

    def run(self, url: str, *, connections: int, seconds: int) -> Load:
        """Post for so many seconds.

        Raises:
            BenchmarkError: The generator failed, or printed no figures.
        """
        if self.kind == "python":
            return self._client(url, connections=connections, amount=("--seconds", seconds))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), url]
        return _run(command, seconds=seconds, body=self.body)

    def send(self, url: str, *, connections: int, requests: int) -> Load:
        """Post exactly so often, which only the Python client can."""
        return self._client(url, connections=connections, amount=("--requests", requests))

    def _client(self, url: str, *, connections: int, amount: tuple[str, int]) -> Load:
        name, number = amount
        command = [sys.executable, "-m", "benchmarks.client", url, "--body", str(self.body)]
        command += ["--connections", str(connections), name, str(number)]
        return _run(command, seconds=number if name == "--seconds" else 0, body=self.body)


def choose(wish: str, *, body: Path) -> LoadGenerator:
    """Return the generator for ``auto``, ``wrk`` or ``python``. Raises BenchmarkError: wrk is not installed."""
    has_wrk = shutil.which("wrk") is not None
    if wish == "wrk" and not has_wrk:
        raise BenchmarkError("wrk is not installed (Debian, Ubuntu: apt-get install wrk); or use --load python")
    return LoadGenerator(kind="wrk" if has_wrk and wish != "python" else "python", body=body)


def parse(output: str) -> Load:
    """Read the figures from the last line that a generator printed. Raises BenchmarkError: there are none."""
    lines = output.strip().splitlines()
    try:
        return Load(**json.loads(lines[-1]))
    except (IndexError, TypeError, ValueError) as error:
        raise BenchmarkError(f"the load generator printed no figures:\n{output}") from error


def _run(command: list[str], *, seconds: int, body: Path) -> Load:
    environment = {**os.environ, "BENCH_BODY": str(body)}
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            check=False,
            cwd=ROOT,
            env=environment,
            text=True,
            timeout=seconds + SPARE_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise BenchmarkError(f"{command[0]} did not end within {seconds + SPARE_SECONDS} s") from error
    if ran.returncode != 0:
        raise BenchmarkError(f"{command[0]} failed:\n{ran.stderr or ran.stdout}")
    return parse(ran.stdout)
