"""Patchbay as its users run it: programs of their own, with nothing of this machine's settings."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parent.parent
PROGRAM = [sys.executable, "-c", "from gateway.cli import main; main()"]
START_SECONDS = 60.0
END_SECONDS = 40.0
LOOK_SECONDS = 0.02


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with our variables and none of Patchbay's that happen to be set."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    return {**inherited, "PYTHONPATH": str(ROOT), **(variables or {})}


def patchbay(
    *arguments: str, variables: Mapping[str, str] | None = None, input: str = "", cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        input=input,
        env=environment(variables),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


@dataclass
class Running:
    """A program that stays. ``url`` is known once it serves."""

    name: str
    process: subprocess.Popen[bytes]
    out: Path
    err: Path
    url: str = ""
    ended: list[int] = field(default_factory=list)

    @property
    def output(self) -> str:
        return self.out.read_text()

    @property
    def log(self) -> str:
        return self.err.read_text()

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """Wait until standard output holds ``pattern``."""
        for _ in range(round(START_SECONDS / LOOK_SECONDS)):
            if match := re.search(pattern, self.output):
                return match
            self.expect_alive()
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"{self.name} never printed {pattern}: {self.output}{self.log}")

    def wait_until_ready(self) -> None:
        """Wait until the health check of docker-compose.yml would pass."""
        for _ in range(round(START_SECONDS / LOOK_SECONDS)):
            try:
                with urlopen(f"{self.url}/readyz", timeout=4):
                    return
            except (URLError, OSError):
                self.expect_alive()
                time.sleep(LOOK_SECONDS)
        raise AssertionError(f"{self.name} was never ready: {self.log}")

    def expect_alive(self) -> None:
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.log}"

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code. A second SIGTERM hurries nothing."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(END_SECONDS)


@contextmanager
def running(
    *arguments: str, folder: Path, variables: Mapping[str, str] | None = None, url: str = ""
) -> Iterator[Running]:
    """Start a program that stays; it is killed at the end if the test has not ended it."""
    name = f"{arguments[0]}-{time.monotonic_ns()}"
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [*PROGRAM, *arguments], env=environment(variables), cwd=folder, stdout=stdout, stderr=stderr
        )
    try:
        yield Running(name, process, out, err, url)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(END_SECONDS)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
