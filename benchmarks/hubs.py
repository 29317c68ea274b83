"""Makes a hub to measure: a fresh database with the workflows in it, and processes started with the real commands.

The servers are found, or started and stopped, the way the tests do it, hence the imports from ``tests``: both are tools
for whoever works on Patchbay, and neither is part of the distribution.
"""

import asyncio
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiormq

from benchmarks.processes import Process, start, wait_for_answer, wait_for_port
from benchmarks.workloads import body, definitions
from db.migrate import migrate
from db.vault import generate_key
from engine.brokers.topology import Topology
from engine.model.base import DEFAULT_PROJECT
from gateway.bootstrap import open_hub
from gateway.settings import Settings, read_settings
from tests.services.finding import find_postgres, find_rabbitmq
from tests.services.private import free_port
from tests.services.probes import create_database, drop_database

EMBEDDED = "embedded"
DISTRIBUTED = "distributed"
BACKENDS = (DISTRIBUTED, EMBEDDED)
COMMAND = str(Path(sys.executable).with_name("patchbay"))
ACTOR = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where PostgreSQL and RabbitMQ are."""

    database_url: str
    broker_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedHub:
    """A hub that is set up and not running: its database has the workflows. The first role is the one that answers."""

    backend: str
    environment: Mapping[str, str]
    database_url: str
    folder: Path
    roles: Sequence[str]
    processes: tuple[Process, ...] = field(default=())
    url: str = ""

    def with_environment(self, **more: str) -> "PreparedHub":
        """Return the same hub, whose processes get these variables, too."""
        return replace(self, environment={**self.environment, **more})

    @contextmanager
    def answering(self) -> Iterator["PreparedHub"]:
        """Start the role that answers, and hold until it has answered a first webhook."""
        with ExitStack() as stack:
            process, port = self._start(stack, self.roles[0])
            url = f"http://127.0.0.1:{port}"
            wait_for_answer(f"{url}/hooks/w1", body(), process)
            yield replace(self, processes=(process,), url=url)

    @contextmanager
    def running(self) -> Iterator["PreparedHub"]:
        """Start every role."""
        with self.answering() as hub, ExitStack() as stack:
            started = [self._start(stack, role) for role in self.roles[1:]]
            for process, port in started:
                wait_for_port(port, process)
            yield replace(hub, processes=(*hub.processes, *(process for process, _ in started)))

    def check(self) -> None:
        """Raises BenchmarkError: A process has ended."""
        for process in self.processes:
            process.check()

    def rss_mb(self) -> float:
        """Return the memory of all processes of the hub, without the servers."""
        return sum(process.rss_mb() for process in self.processes)

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time of each process of the hub."""
        return {process.name: process.cpu_seconds() for process in self.processes}

    def _start(self, stack: ExitStack, role: str) -> tuple[Process, int]:
        port = free_port()
        environment = {**self.environment, "PATCHBAY_PORT": str(port)}
        process = start(role, [COMMAND, role], folder=self.folder, environment=environment)
        stack.callback(process.stop)
        return process, port


def find_servers(stack: ExitStack) -> Servers:
    """Find or start both. Raises tests.services.Unavailable: there is no way to have one here."""
    return Servers(database_url=find_postgres(stack).url, broker_url=find_rabbitmq(stack).url)


@contextmanager
def prepared(backend: str, servers: Servers | None, *, folder: Path, echo_url: str) -> Iterator[PreparedHub]:
    """Make a hub of its own below ``folder``, and remove what it left at the servers. ``servers``: for distributed."""
    name = f"bench-{uuid.uuid4().hex[:12]}"
    home = folder / name
    home.mkdir()
    with ExitStack() as stack:
        given = _environment(home)
        roles = ["serve"]
        if backend == DISTRIBUTED:
            assert servers is not None
            given |= _distributed(stack, servers, name)
            roles = ["gateway", "executor", "scheduler"]
        settings = read_settings(given)
        asyncio.run(_install(settings, definitions(echo_url=echo_url)))
        yield PreparedHub(
            backend=backend, environment=given, database_url=settings.sql_url, folder=home, roles=tuple(roles)
        )


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATCHBAY_DATA_DIR": str(folder),
        "PATCHBAY_ENCRYPTION_KEYS": generate_key(),
        "PATCHBAY_ALLOW_PRIVATE": "127.0.0.0/8",  # where the echo service is
        "PATCHBAY_LOG_LEVEL": "warning",
    }


def _distributed(stack: ExitStack, servers: Servers, name: str) -> dict[str, str]:
    create_database(servers.database_url, name)
    stack.callback(drop_database, servers.database_url, name)
    stack.callback(lambda: asyncio.run(_delete_queues(servers.broker_url, name)))
    return {
        "PATCHBAY_DATABASE_URL": f"{servers.database_url.rpartition('/')[0]}/{name}",
        "PATCHBAY_BROKER_URL": servers.broker_url,
        "PATCHBAY_BROKER_PREFIX": name,
    }


async def _install(settings: Settings, texts: Sequence[str]) -> None:
    """Create the tables and publish the workflows, as the API would."""
    await migrate(settings.sql_url)
    async with open_hub(settings, roles=frozenset()) as hub:
        for text in texts:
            saved = await hub.publishing.create(DEFAULT_PROJECT, text, actor=ACTOR)
            await hub.publishing.publish(DEFAULT_PROJECT, saved.workflow.id, actor=ACTOR)


async def _delete_queues(broker_url: str, prefix: str) -> None:
    topology = Topology.under(prefix)
    connection = await aiormq.connect(broker_url)
    try:
        channel = await connection.channel()
        for queue in (*topology.lanes.values(), topology.dead):
            await channel.queue_delete(queue)
        for exchange in (topology.signals, topology.census):
            await channel.exchange_delete(exchange)
    finally:
        await connection.close()
