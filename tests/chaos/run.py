"""One run from the first process to the verdict."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from db.migrate import migrate
from db.vault import generate_key
from engine.model.base import DEFAULT_PROJECT, ConnectionId, new_id
from engine.model.connection import Connection, Credentials
from gateway.bootstrap import open_hub
from gateway.clock import SystemClock
from gateway.settings import read_settings
from tests.chaos.evidence import Evidence, read_balances, read_database, read_witness, still_open
from tests.chaos.faults import Havoc, plan
from tests.chaos.fleet import Member, complaints, echo_member, hub_members
from tests.chaos.flow import Flow
from tests.chaos.flows import CONNECTION, flows
from tests.chaos.sending import Sender
from tests.chaos.verdict import judge
from tests.integration.tcp_proxy import Proxy, open_proxy
from tests.services import PrivateServer
from tests.services.private import free_port

START_SECONDS = 60
LATE_SECONDS = 60.0
DRAIN_SECONDS = 120.0
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run: load for ``seconds`` at ``rate`` events per second, and the seed of everything random."""

    seconds: float
    rate: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where to run: servers that may be killed, a database and a prefix of the run's own, a folder for its files."""

    database: PrivateServer
    broker: PrivateServer
    database_url: str
    broker_prefix: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``problems`` is empty when every promise was kept; ``summary`` is for people."""

    problems: Sequence[str]
    summary: str


async def run(plan_: Plan, world: World) -> Report:
    """Run the load and the faults, wait until everything has ended, and judge."""
    started = time.monotonic()
    async with _proxies(world) as proxies:
        stage = _stage(plan_, world, proxies)
        await apply(stage.settings, stage.flows)
        loaded, drained, left = await _under_fire(stage, plan_, world)
    return await _judged(stage, plan_, world, times=(started, loaded, drained), left=left)


async def _under_fire(stage: "_Stage", plan_: Plan, world: World) -> tuple[float, float, dict[str, int]]:
    """Load and faults; return when the load was over, when the last execution ended, and what had not."""
    async with _running(stage.members):
        await asyncio.gather(*(_listening(port) for port in stage.ports))
        async with asyncio.TaskGroup() as group:
            group.create_task(stage.sender.send_for(plan_.seconds, patience=LATE_SECONDS))
            group.create_task(stage.havoc.wreak(plan(plan_.seconds, random.Random(plan_.seed))))
        loaded = time.monotonic()
        left = await _drained(world.database_url)
        drained = time.monotonic()
    return loaded, drained, left


async def _judged(
    stage: "_Stage", plan_: Plan, world: World, *, times: tuple[float, float, float], left: dict[str, int]
) -> Report:
    started, loaded, drained = times
    evidence = await _evidence(stage, world)
    verdict = judge(evidence, stage.flows)
    problems = [
        *verdict.problems,
        *([f"still open after {DRAIN_SECONDS} s: {left}"] if left else []),
        *stage.sender.trouble,
        *(line for member in stage.members for line in (*member.trouble, *complaints(member.log))),
    ]
    faults = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(f.kind for f in evidence.faults).items()))
    refused = ", ".join(f"{count} {what}" for what, count in sorted(stage.sender.refused.items()))
    summary = (
        f"chaos, seed {plan_.seed}: {len(evidence.accepted)} events accepted, {len(evidence.faults)} faults ({faults}), "
        f"{len(evidence.calls)} calls outside, {verdict.repeats} effects repeated, "
        f"sent again after {refused or 'nothing'}, {len(problems)} problems, "
        f"{time.monotonic() - started:.0f} s of which {drained - loaded:.0f} s to drain"
    )
    return Report(problems=problems, summary=summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Everything of one run. ``members`` begin with the echo server; ``ports`` listen when the load may begin."""

    settings: Mapping[str, str]
    flows: Sequence[Flow]
    members: Sequence[Member]
    sender: Sender
    havoc: Havoc
    witness: Path
    ports: tuple[int, int]


@asynccontextmanager
async def _proxies(world: World) -> AsyncIterator[Mapping[str, Proxy]]:
    """What stands between the hub and its servers, by the server's name."""
    database, broker = urlsplit(world.database_url), urlsplit(world.broker.url)
    async with (
        open_proxy(world.database_url, database.hostname, database.port) as to_database,
        open_proxy(world.broker.url, broker.hostname, broker.port) as to_broker,
    ):
        yield {"database": to_database, "broker": to_broker}


def _through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}")).geturl()


def _stage(plan_: Plan, world: World, proxies: Mapping[str, Proxy]) -> _Stage:
    settings = {
        "PATCHBAY_DATABASE_URL": _through(world.database_url, proxies["database"]),
        "PATCHBAY_BROKER_URL": _through(world.broker.url, proxies["broker"]),
        "PATCHBAY_BROKER_PREFIX": world.broker_prefix,
        "PATCHBAY_ENCRYPTION_KEYS": generate_key(),
        "PATCHBAY_ALLOW_PRIVATE": "127.0.0.0/8",
    }
    port, echo_port, witness = free_port(), free_port(), world.folder / "witness.jsonl"
    settings["PATCHBAY_BASE_URL"] = f"http://127.0.0.1:{port}"
    witness.touch()
    those = flows(f"http://127.0.0.1:{echo_port}")
    members = hub_members(settings, port=port, folder=world.folder)
    echo = echo_member(port=echo_port, witness=witness, folder=world.folder)
    chance = random.Random(plan_.seed + 1)
    return _Stage(
        settings=settings,
        flows=those,
        members=[echo, *members.values()],
        sender=Sender(url=f"http://127.0.0.1:{port}", flows=those, rate=plan_.rate, chance=chance),
        havoc=Havoc(
            members=members,
            broker=world.broker,
            database=world.database,
            chance=random.Random(plan_.seed + 2),
            proxies=proxies,
        ),
        witness=witness,
        ports=(port, echo_port),
    )


async def _evidence(stage: _Stage, world: World) -> Evidence:
    runs, children, steps, strays, letters = await read_database(world.database_url)
    return Evidence(
        accepted=stage.sender.accepted,
        faults=stage.havoc.happened,
        calls=read_witness(stage.witness),
        runs=runs,
        children=children,
        steps=steps,
        strays=strays,
        dead_letters=letters,
        differences=await read_balances(
            world.database_url, key=stage.settings["PATCHBAY_ENCRYPTION_KEYS"], clock=SystemClock()
        ),
    )


async def apply(settings: Mapping[str, str], those: Sequence[Flow]) -> None:
    """Make the tables, the connection and the published workflows."""
    read = read_settings(settings)
    await migrate(read.sql_url)
    async with open_hub(read, roles=frozenset()) as hub:
        now = hub.clock.now()
        account = Connection(
            id=ConnectionId(new_id()),
            project_id=DEFAULT_PROJECT,
            name=CONNECTION,
            connector="http",
            config={},
            created_at=now,
            updated_at=now,
        )
        async with hub.database.write() as uow:
            await uow.connections.put(account, Credentials({"type": "bearer", "token": "chaos"}))
            await uow.commit()
        for flow in those:
            saved = await hub.publishing.create(DEFAULT_PROJECT, flow.text, actor="chaos")
            await hub.publishing.publish(DEFAULT_PROJECT, saved.workflow.id, actor="chaos")


@asynccontextmanager
async def _running(members: Sequence[Member]) -> AsyncIterator[None]:
    """Start all; at the end stop the hub's processes together and the echo server last."""
    try:
        for member in members:
            await member.start()
        yield
    finally:
        echo, *others = members
        await asyncio.gather(*(member.end() for member in others))
        await echo.end()


async def _listening(port: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _drained(database_url: str) -> dict[str, int]:
    """Wait until every execution has ended; return what has not after ``DRAIN_SECONDS``."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := await still_open(database_url)) and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
    return left
