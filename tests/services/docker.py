"""Servers in containers, on ports that Docker chooses; gone when this process is gone, however it ends."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

COMPOSE_FILE = Path(__file__).with_name("compose.yaml")
ENGINE_SECONDS = 15
START_SECONDS = 300

GUARDIAN = 'cat > /dev/null; docker compose -p "$1" -f "$2" down --volumes --timeout 10 > /dev/null 2>&1'


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One service of ``compose.yaml``; ``url`` has a hole for the port that Docker chose."""

    service: str
    port: int
    url: str


def start(container: Container, stack: ExitStack, *, answers: Callable[[str], bool]) -> str | None:
    """Start ``container`` and return its URL, or ``None`` where no engine answers or the image cannot be had."""
    if not _engine_answers():
        return None
    project = f"patchbay-tests-{container.service}-{os.getpid()}"
    _guard(project, stack)
    compose = ("compose", "-p", project, "-f", str(COMPOSE_FILE))
    if _docker(*compose, "up", "--detach", "--wait", container.service, seconds=START_SECONDS) is None:
        return None
    address = _docker(*compose, "port", container.service, str(container.port), seconds=ENGINE_SECONDS)
    if not address:
        return None
    url = container.url.format(port=address.strip().rpartition(":")[2])
    deadline = time.monotonic() + ENGINE_SECONDS
    while not answers(url):  # the server was healthy inside; the port's forwarding may lag behind
        if time.monotonic() > deadline:
            return None
        time.sleep(0.05)
    return url


def _engine_answers() -> bool:
    return all(
        _docker(*question, seconds=ENGINE_SECONDS) is not None
        for question in (("info", "--format", "{{.ServerVersion}}"), ("compose", "version"))
    )


def _guard(project: str, stack: ExitStack) -> None:
    guardian = subprocess.Popen(
        ["/bin/sh", "-c", GUARDIAN, "guardian", project, str(COMPOSE_FILE)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )

    def close() -> None:
        assert guardian.stdin is not None
        guardian.stdin.close()
        guardian.wait()

    stack.callback(close)


def _docker(*arguments: str, seconds: float) -> str | None:
    """Return what ``docker`` printed, or ``None`` if it is missing, failed or took too long."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
