"""The processes of the hub and of the outside world, each started again after it was killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.skewed import VARIABLE

END_SECONDS = 40
ROOT = Path(__file__).parents[2]
INHERITED = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


@dataclass(kw_only=True)
class Member:
    """One process by name. Its log goes to ``<name>.log`` in the folder of the run, over all its lives."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    lives: int = 0
    trouble: list[str] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _watch: asyncio.Task[None] | None = None
    _doomed: bool = False

    @property
    def clock_file(self) -> Path:
        return self.folder / f"{self.name}.clock"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                cwd=self.folder,
                env={**self.environment, **INHERITED, "PYTHONPATH": str(ROOT), VARIABLE: str(self.clock_file)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.lives += 1
        self._doomed = False
        self._watch = asyncio.create_task(self._notice_end(self._process))

    async def kill(self) -> None:
        """SIGKILL, as a power cut or the out-of-memory killer would."""
        if self._process is None or self._process.returncode is not None:
            return
        self._doomed = True
        self._process.kill()
        await self._gone()

    def freeze(self) -> None:
        """Stop it where it stands, as a machine does that swaps or is moved; ``thaw`` lets it go on."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)

    def set_clock(self, seconds: float) -> None:
        """Put its clock wrong by so much; 0 puts it right."""
        self.clock_file.write_text(str(seconds))

    async def end(self) -> None:
        """SIGTERM; a process that is not gone in time, or ends badly, is trouble."""
        if self._process is None or self._process.returncode is not None:
            return
        self._doomed = True
        self._process.terminate()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.trouble.append(f"{self.name} did not end within {END_SECONDS} s after SIGTERM")
            self._process.kill()
        await self._gone()
        if self._process.returncode not in (0, -15, -9):
            self.trouble.append(f"{self.name} ended with code {self._process.returncode} after SIGTERM")

    async def _gone(self) -> None:
        assert self._process is not None
        await self._process.wait()
        if self._watch is not None:
            await self._watch

    async def _notice_end(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        if not self._doomed:
            self.trouble.append(f"{self.name} ended by itself with code {code}")


def hub_members(settings: Mapping[str, str], *, port: int, folder: Path) -> dict[str, Member]:
    """A gateway on ``port``, two executors and a scheduler, by name."""
    program = (sys.executable, "-m", "tests.chaos.skewed")
    environment = {**settings, "PATCHBAY_LOG_FORMAT": "json"}
    commands = {
        "gateway": ("gateway", "--port", str(port)),
        "executor-1": ("executor", "--port", "0"),
        "executor-2": ("executor", "--port", "0"),
        "scheduler": ("scheduler", "--port", "0"),
    }
    return {
        name: Member(name=name, command=(*program, *command), environment=environment, folder=folder)
        for name, command in commands.items()
    }


def echo_member(*, port: int, witness: Path, folder: Path) -> Member:
    """The server that the workflows call."""
    command = (sys.executable, "-m", "tests.chaos.echo", str(port), str(witness))
    return Member(name="echo", command=command, environment={}, folder=folder)


def complaints(log: Path) -> list[str]:
    """Return the lines of a JSON log that a person would have to look at: errors, tracebacks, words without a form.

    The last line of a life that SIGKILL ended may be torn.
    """
    found = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            if not line.startswith("{"):
                found.append(f"{log.stem}: {line}")
            continue
        if entry.get("level") in {"error", "critical"} or "traceback" in entry:
            last = entry.get("traceback", "").strip().rpartition("\n")[2]
            found.append(f"{log.stem}: {entry.get('at')} {entry.get('message')}: {entry.get('reason', '')} {last}")
    return found
