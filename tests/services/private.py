"""A server process of our own: on a free port, in a temporary directory, gone when we are gone.

However this process ends, SIGKILL included, nothing stays behind: a waiting shell (the guardian) reads a pipe that
closes with us, and then ends the servers by the ids they left in ``*/pid`` and removes the directory.
"""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

START_SECONDS = 90
STOP_SECONDS = 30
POLL_SECONDS = 0.05

# Below Linux's range for outgoing connections (from 32768): a client that keeps dialling the port of a server that is
# down could otherwise be given that very port, connect to itself, and keep the server from coming back.
PORTS = range(20_000, 32_000)

GUARDIAN = """
cat > /dev/null
for signal in QUIT KILL; do
    for file in "$1"/*/pid; do [ -f "$file" ] && kill -s "$signal" "$(cat "$file")" 2> /dev/null; done
    [ "$signal" = QUIT ] && ls "$1"/*/pid > /dev/null 2>&1 && sleep 1
done
rm -rf "$1"
"""


class ServiceError(Exception):
    """A server did not start, or did not stop."""


class PrivateFolder:
    """A temporary directory whose servers end with this process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="patchbay-services-"))
        self.path.chmod(0o711)  # servers that run as other users must reach their own folder in it
        self._guardian = subprocess.Popen(
            ["/bin/sh", "-c", GUARDIAN, "guardian", str(self.path)],
            stdin=subprocess.PIPE,
            cwd="/",
            start_new_session=True,  # Ctrl-C must not end the guardian before it has done its work
        )
        self._helpers: list[subprocess.Popen[bytes]] = []

    def add(self, name: str, *, user: str | None) -> Path:
        """Make the folder of one server, owned by the ``user`` it runs as (``None``: the user we are)."""
        folder = self.path / name
        folder.mkdir(mode=0o700)
        if user:
            shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
        return folder

    def keep(self, helper: subprocess.Popen[bytes], *, folder: Path) -> None:
        """Let ``helper``, which a server in ``folder`` needs, run until the end."""
        (folder / "pid").write_text(str(helper.pid))
        self._helpers.append(helper)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs and remove the directory."""
        assert self._guardian.stdin is not None
        self._guardian.stdin.close()
        self._guardian.wait()
        for helper in self._helpers:
            helper.wait()


@dataclass(kw_only=True)
class PrivateServer:
    """One server that tests may stop, kill and start again, on the same port and data."""

    name: str
    url: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    user: str | None
    stop_signal: signal.Signals
    answers: Callable[[], bool]
    settle_seconds: float = 0.0  # how long it keeps running, and serving, before a kill
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        """Start, and return when it answers. A no-op while it runs.

        Raises:
            ServiceError: It did not answer within ``START_SECONDS``.
        """
        if self._process and self._process.poll() is None:
            return
        deadline = time.monotonic() + START_SECONDS
        process = self._spawn()
        while not self.answers():
            if time.monotonic() > deadline:
                self.stop(kill=True)
                raise ServiceError(f"{self.name} did not start within {START_SECONDS} s:\n{self._last_words()}")
            if process.poll() is not None:
                # After a kill, the children of the old server may take a moment to let go of its memory and port.
                time.sleep(10 * POLL_SECONDS)
                process = self._spawn()
            time.sleep(POLL_SECONDS)

    def stop(self, *, kill: bool = False) -> None:
        """Stop in an orderly way, or with SIGKILL, and return when the process is gone. A no-op while it is stopped."""
        if self._process is None:
            return
        if kill:
            time.sleep(self.settle_seconds)
        self._process.send_signal(signal.SIGKILL if kill else self.stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        (self.folder / "pid").unlink(missing_ok=True)

    def restart(self, *, kill: bool = False) -> None:
        """Stop and start; everything that was stored durably is there again."""
        self.stop(kill=kill)
        self.start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            self._process = run_as(
                self.user, self.command, folder=self.folder, environment=self.environment, output=log
            )
        (self.folder / "pid").write_text(str(self._process.pid))
        return self._process

    def _last_words(self) -> str:
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-20:])


def run_as(
    user: str | None, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: int | IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start ``command`` in ``folder`` as ``user``, away from the terminal's signals, with nothing inherited but PATH."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        start_new_session=True,
    )


def free_port() -> int:
    """Return a port on 127.0.0.1 that nothing listens on and that outgoing connections are never given."""
    for port in random.sample(PORTS, 200):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise ServiceError(f"no free port between {PORTS.start} and {PORTS.stop}")


def known_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
