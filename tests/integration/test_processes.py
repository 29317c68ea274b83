"""The cluster of docker-compose.yml without containers: each of its commands as a process, on real servers."""

import asyncio
import json
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import run
from threading import Event, Thread
from typing import Any
from urllib.request import Request, urlopen

import pytest
import yaml

from db.vault import generate_key
from tests.contract.broker_kits import rabbit_queues
from tests.processes import LOOK_SECONDS, ROOT, Running, environment, free_port, patchbay, running

pytestmark = pytest.mark.integration

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
ROLES = ("gateway", "executor", "scheduler")
PATIENCE_SECONDS = 60


@dataclass
class Cluster:
    """The settings that all processes share, and the processes."""

    variables: dict[str, str]
    folder: Path
    stack: ExitStack

    def start(self, service: str) -> Running:
        """Start a service of docker-compose.yml by its command, on a port of its own."""
        port = free_port()
        own = {**self.variables, "PATCHBAY_PORT": str(port), "PATCHBAY_BASE_URL": ""}
        started = running(*command_of(service), folder=self.folder, variables=own, url=f"http://127.0.0.1:{port}")
        return self.stack.enter_context(started)

    def call(self, *arguments: str) -> Any:
        """Run a command for programs."""
        done = patchbay(*arguments, "--json", variables=self.variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def cluster(database_url: str, broker_url: str, broker_prefix: str, tmp_path: Path) -> Iterator[Cluster]:
    variables = {
        "PATCHBAY_DATABASE_URL": database_url,
        "PATCHBAY_BROKER_URL": broker_url,
        "PATCHBAY_BROKER_PREFIX": broker_prefix,
        "PATCHBAY_ENCRYPTION_KEYS": generate_key(),
        "PATCHBAY_ALLOW_PRIVATE": "127.0.0.0/8",
    }
    with ExitStack() as stack:
        yield Cluster(variables, tmp_path, stack)
    asyncio.run(remove_queues(broker_url, broker_prefix))


@pytest.fixture
def slow_receiver() -> Iterator[tuple[str, Event, list[str]]]:
    """A service that answers only when it is told to: its URL, what tells it, and the calls that came."""
    go, calls = Event(), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.headers["idempotency-key"])
            go.wait(PATIENCE_SECONDS)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", go, calls
    go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_cluster_of_the_compose_file_runs_an_event_and_comes_to_rest(
    cluster: Cluster, slow_receiver: tuple[str, Event, list[str]]
) -> None:
    receiver, go, calls = slow_receiver
    migrated = patchbay(*command_of("migrate"), variables=cluster.variables)
    again = patchbay(*command_of("migrate"), variables=cluster.variables)
    assert migrated.returncode == 0, migrated.stderr
    assert again.stdout == "nothing to migrate: the database is up to date\n"

    replicas = COMPOSE["executor"]["deploy"]["replicas"]
    gateway, scheduler = cluster.start("gateway"), cluster.start("scheduler")
    executors = [cluster.start("executor") for _ in range(replicas)]
    processes = [gateway, scheduler, *executors]
    for process, service in zip(processes, ("gateway", "scheduler", *["executor"] * replicas), strict=True):
        process.wait_until_ready()
        health_check(service, process)

    cluster.variables["PATCHBAY_API_KEY"] = cluster.call("keys", "create", "test", "--local")["key"]
    cluster.variables["PATCHBAY_URL"] = gateway.url
    hook = apply(cluster, receiver)
    with urlopen(Request(hook, data=b"{}", headers={"content-type": "application/json"})) as answer:
        execution = json.load(answer)["execution_id"]
    eventually(lambda: len(calls) == 1, "the receiver was never called")

    # Every process is told to end while the only call is under way; its answer comes a moment later.
    for process in processes:
        process.process.send_signal(signal.SIGTERM)
    eventually(lambda: refuses(gateway.url), "the gateway went on accepting")
    go.set()
    assert [process.end() for process in processes] == [0] * len(processes)
    assert not any("Traceback" in process.log for process in processes)

    restarted = cluster.start("gateway")
    restarted.wait_until_ready()
    cluster.variables["PATCHBAY_URL"] = restarted.url
    shown = cluster.call("executions", "show", execution)
    assert shown["status"] == "succeeded", shown
    assert calls == [calls[0]]


def test_a_role_waits_for_its_database_and_says_so(cluster: Cluster) -> None:
    patchbay("migrate", variables=cluster.variables)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = re.sub(r"@[^/]+/", f"@127.0.0.1:{nobody.getsockname()[1]}/", cluster.variables["PATCHBAY_DATABASE_URL"])
        cluster.variables["PATCHBAY_DATABASE_URL"] = away

        waiting = cluster.start("executor")
        eventually(lambda: "waiting" in waiting.log, "it said nothing")

        assert f"127.0.0.1:{nobody.getsockname()[1]} cannot be used" in waiting.log
        assert waiting.end() == 0


def test_a_role_waits_for_its_broker_and_goes_on_when_told_to_end(cluster: Cluster) -> None:
    patchbay("migrate", variables=cluster.variables)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        cluster.variables["PATCHBAY_BROKER_URL"] = f"amqp://someone:hush-hush@127.0.0.1:{nobody.getsockname()[1]}/"

        waiting = cluster.start("scheduler")
        eventually(lambda: f"the broker at 127.0.0.1:{nobody.getsockname()[1]}" in waiting.log, "it said nothing")

        assert "hush-hush" not in waiting.log
        assert waiting.end() == 0


@pytest.mark.parametrize("role", ROLES)
def test_a_wrong_encryption_key_ends_a_role_at_once(role: str, cluster: Cluster) -> None:
    patchbay("migrate", variables=cluster.variables)
    patchbay("keys", "list", "--local", variables=cluster.variables)  # whoever opens the database first sets its key

    failed = patchbay(role, variables={**cluster.variables, "PATCHBAY_ENCRYPTION_KEYS": generate_key()})

    assert failed.returncode == 1
    assert failed.stderr.startswith("error: the stored secrets are encrypted with the key ")


def test_encryption_keys_are_rotated(cluster: Cluster) -> None:
    patchbay("migrate", variables=cluster.variables)
    patchbay("keys", "list", "--local", variables=cluster.variables)
    old, new = cluster.variables["PATCHBAY_ENCRYPTION_KEYS"], generate_key()

    both = patchbay("keys", "rotate", variables={**cluster.variables, "PATCHBAY_ENCRYPTION_KEYS": f"{new},{old}"})
    only_new = patchbay("keys", "list", "--local", variables={**cluster.variables, "PATCHBAY_ENCRYPTION_KEYS": new})

    assert both.returncode == 0, both.stderr
    assert only_new.returncode == 0, only_new.stderr


async def remove_queues(url: str, prefix: str) -> None:
    async with rabbit_queues(url, prefix):
        pass


def command_of(service: str) -> list[str]:
    command: list[str] = COMPOSE[service]["command"]
    return command


def health_check(service: str, process: Running) -> None:
    """Run the health check of docker-compose.yml as the container would, on the port that the process has here."""
    kind, program, *arguments = COMPOSE[service]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    here = [argument.replace("http://127.0.0.1:8400", process.url) for argument in arguments]
    checked = run([sys.executable, *here], env=environment(), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def apply(cluster: Cluster, receiver: str) -> str:
    """Bring in a workflow whose hook calls the receiver; return the hook's URL."""
    file = cluster.folder / "calling.yaml"
    trigger = "triggers: {called: {type: webhook, verify: none}}"
    node = f"call: {{type: connector, use: http.request, with: {{method: POST, url: '{receiver}'}}}}"
    file.write_text(f"name: calling\n{trigger}\nnodes:\n  {node}\n")
    (applied,) = cluster.call("apply", str(file))
    hook: str = applied["hooks"]["called"]
    return hook


def refuses(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) != 0


def eventually(holds: Callable[[], bool], otherwise: str) -> None:
    for _ in range(round(PATIENCE_SECONDS / LOOK_SECONDS)):
        if holds():
            return
        time.sleep(LOOK_SECONDS)
    raise AssertionError(otherwise)
