"""Where the time goes: py-spy, where it is installed, watches each process of the hub during a load.

It is no dependency, because it needs rights that most machines do not give (root, or ptrace of one's own processes).
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.processes import STOP_SECONDS, Process

SAMPLES_PER_SECOND = 200


@contextmanager
def recorded(processes: Sequence[Process], folder: Path | None, *, prefix: str, seconds: int) -> Iterator[None]:
    """Write ``<prefix>-<role>.txt`` for each process, one line per stack with its samples. A no-op without a folder."""
    if folder is None:
        yield
        return
    program = find_program()
    folder.mkdir(parents=True, exist_ok=True)
    recorders = [
        _start(program, process, folder / f"{prefix}-{process.name}.txt", seconds=seconds) for process in processes
    ]
    try:
        yield
        for recorder in recorders:
            recorder.wait(STOP_SECONDS)
    finally:
        for recorder in recorders:
            recorder.kill()
            recorder.wait()


def find_program() -> str:
    """Return where py-spy is. Raises BenchmarkError: it is not installed."""
    program = shutil.which("py-spy")
    if program is None:
        raise BenchmarkError("--profile needs py-spy on the path; install it in an environment of its own")
    return program


def _start(program: str, process: Process, output: Path, *, seconds: int) -> subprocess.Popen[bytes]:
    # Not pausing the process costs a few torn samples, and leaves the figures nearly what they are without it.
    options = {"--format": "raw", "--rate": SAMPLES_PER_SECOND, "--duration": seconds, "--pid": process.popen.pid}
    words = [str(word) for option in options.items() for word in option]
    return subprocess.Popen(
        [program, "record", "--nonblocking", *words, "--output", str(output)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
