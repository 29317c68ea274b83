"""Processes that a measurement starts, watches and ends by their ids."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.errors import BenchmarkError

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
STOP_SECONDS = 30
LAST_WORDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One running program; what it says goes to ``log``."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raises BenchmarkError: It has ended, with its last words."""
        if self.popen.poll() is not None:
            words = "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_WORDS:])
            raise BenchmarkError(f"{self.name} ended with status {self.popen.returncode}:\n{words}")

    def rss_mb(self) -> float:
        """Return its resident memory, in MiB; shared pages count in each process that has them."""
        try:
            status = Path(f"/proc/{self.popen.pid}/status").read_text()
            kib = next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]
        except (OSError, StopIteration):
            asked = subprocess.run(["ps", "-o", "rss=", "-p", str(self.popen.pid)], capture_output=True, check=True)
            kib = asked.stdout.decode().strip()
        return int(kib) / 1024

    def cpu_seconds(self) -> float:
        """Return the processor time it has had; 0 where the system does not say (there is no ``/proc``)."""
        try:
            fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        user, system = fields[11:13]  # proc(5): fields 14 and 15, of which two stand before the last parenthesis
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Ask it to end, and insist after ``STOP_SECONDS``."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def start(name: str, command: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Start ``command`` away from the terminal's signals, with nothing of ours in its environment but what is given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        popen = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**inherited, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Process(name=name, popen=popen, log=log)


def start_module(module: str, *arguments: str, folder: Path) -> Process:
    """Start a module of ours as a program of its own."""
    return start(module, [sys.executable, "-m", module, *arguments], folder=folder)


def wait_for_port(port: int, process: Process) -> None:
    """Return when something listens.

    Raises:
        BenchmarkError: Nothing does after ``START_SECONDS``, or the process ended.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        process.check()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise BenchmarkError(f"{process.name} does not listen on port {port}; its log is in {process.log}")


def post(url: str, body: bytes) -> tuple[int, bytes]:
    """Send one JSON body and return status and answer. Raises OSError: nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        connection.request("POST", parts.path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def wait_for_answer(url: str, body: bytes, process: Process) -> None:
    """Return when the first success comes back.

    Raises:
        BenchmarkError: None does within ``START_SECONDS``, or the process ended.
    """
    deadline = time.monotonic() + START_SECONDS
    seen = "nothing"
    while time.monotonic() < deadline:
        process.check()
        try:
            status, answer = post(url, body)
        except OSError as error:
            seen = str(error)
        else:
            if status < http.client.MULTIPLE_CHOICES:
                return
            seen = f"{status} {answer[:200].decode(errors='replace')}"
        time.sleep(0.005)
    raise BenchmarkError(f"{process.name} does not accept at {url}: {seen}; its log is in {process.log}")
