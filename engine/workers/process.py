"""One worker process as the executor sees it: start, ask, kill. Its answers are only read, and within bounds."""

import asyncio
import contextlib
import os
import signal
import sys
from typing import Final

import msgspec

from engine.errors import WorkerLost
from engine.workers.protocol import LARGEST_REPLY, LENGTH_BYTES, Language, Ran

MAIN: Final = "engine.workers.main"
_decode = msgspec.json.Decoder(Ran).decode


class Worker:
    """A process for one language, which runs one source at a time."""

    def __init__(self, language: Language, process: asyncio.subprocess.Process) -> None:
        self.language = language
        self.runs = 0
        self._process = process

    @classmethod
    async def start(cls, language: Language) -> "Worker":
        """Start a process that inherits nothing: no environment, no open files, no folder. Raises WorkerLost."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", MAIN, language.value),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        except OSError as exc:
            raise WorkerLost(f"no worker for {language.value} code could be started: {exc}") from exc
        return cls(language, process)

    @property
    def pid(self) -> int:
        """The id of the process, which is its group's too."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it may be asked again."""
        return self._process.returncode is None

    async def ask(self, request: bytes) -> Ran:
        """Send a framed request and return the answer. Raises WorkerLost."""
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None and writer is not None  # noqa: S101, PT018  both are pipes
        self.runs += 1
        try:
            writer.write(request)
            await writer.drain()
            size = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
            if size > LARGEST_REPLY:
                raise WorkerLost(f"the worker answered with {size} bytes")
            return _decode(await reader.readexactly(size))
        except (OSError, EOFError) as exc:
            raise WorkerLost(f"the worker that ran the {self.language.value} code died") from exc
        except (msgspec.DecodeError, RecursionError) as exc:
            raise WorkerLost("the worker gave an answer that makes no sense") from exc

    async def kill(self) -> None:
        """End the process and all it started, and wait until it is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
