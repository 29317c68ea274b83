"""The composition root: settings in, a running hub out. Nothing else knows which adapters there are."""

import asyncio
import ipaddress
import os
import random
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from connectors.http import HttpSettings, open_http
from connectors.registry import Registry, find_plugins
from db.engines import PoolSizes
from db.session import SqlDatabase, open_database
from db.vault import Vault
from engine.abandoned import AbandonedChildren
from engine.admitter import Admitter
from engine.announcer import Announcements, Announcer
from engine.attempts import Tools
from engine.breaker import Breakers
from engine.brokers import open_broker
from engine.calls import Calls
from engine.dead_messages import DeadMessages
from engine.deadlines import Deadlines
from engine.debugging.service import Debugging
from engine.definition import load_document
from engine.executor import Executor
from engine.failure_notices import FailureNotices
from engine.graphs import Graphs
from engine.holding import Releaser
from engine.intake import Intake
from engine.matcher import Matcher
from engine.model.base import ExecutorId, new_id
from engine.model.node import NodeKind
from engine.nodes.code import CodeHandler
from engine.nodes.connector import ConnectorHandler
from engine.nodes.spread import SpreadHandler
from engine.partitions import PartitionKeeper
from engine.pausing import PauseReminder, Pausing
from engine.ports import Broker, Clock
from engine.pruner import Pruner
from engine.publishing import Publishing
from engine.reaper import Heartbeat, Reaper
from engine.recorder import Recorder
from engine.replay import Control
from engine.replay_jobs import ReplayJobs, ReplayRunner
from engine.results import StoredResults
from engine.resumer import Resumer
from engine.routes import Routes
from engine.service import Service, run_service
from engine.splitting import Splitting
from engine.sweeper import BlobSweeper
from engine.timers import Timers
from engine.trials.service import Trials
from engine.workers import Workers
from gateway.bindings import Bindings
from gateway.clock import SystemClock
from gateway.encryption import open_vault
from gateway.links import SignedLinks
from gateway.observability import Metrics
from gateway.outside import outside_of
from gateway.replies import Replies
from gateway.resuming import Resuming, open_resuming
from gateway.settings import Settings
from gateway.trying import open_trials
from gateway.verifiers import Verifiers
from triggers.leader import Leader, Led
from triggers.schedule import run_schedules


class Role(StrEnum):
    """What a process does. The embedded hub does all."""

    GATEWAY = "gateway"
    EXECUTOR = "executor"
    SCHEDULER = "scheduler"


ALL_ROLES = frozenset(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """One process's parts, for the routes and the command line."""

    name: str
    settings: Settings
    clock: Clock
    database: SqlDatabase
    broker: Broker
    registry: Registry
    graphs: Graphs
    routes: Routes
    verifiers: Verifiers
    intake: Intake
    publishing: Publishing
    control: Control
    splitting: Splitting
    pausing: Pausing
    debugging: Debugging
    replay_jobs: ReplayJobs
    replies: Replies
    resuming: Resuming
    links: SignedLinks
    metrics: Metrics
    executor: Executor | None
    trials: Trials | None = None


@asynccontextmanager
async def open_hub(
    settings: Settings, *, roles: frozenset[Role] = ALL_ROLES, clock: Clock | None = None
) -> AsyncIterator[Hub]:
    """Open everything the roles need and run it until the context ends, in the order that loses nothing.

    At the end the executor comes to rest within ``settings.grace``; then the commits and the connections close.

    Raises:
        Unavailable: The database is away, or its schema is not this release's.
        ConfigurationError: The settings do not fit what is stored.
    """
    now = clock or SystemClock()
    async with AsyncExitStack() as stack:
        pools = PoolSizes(write=settings.database_pool, read=settings.database_pool)
        vault = open_vault(settings)
        database = await stack.enter_async_context(
            open_database(
                settings.sql_url, vault=vault, clock=now, pools=pools, large_value_bytes=settings.large_value_bytes
            )
        )
        broker = await stack.enter_async_context(open_broker(settings.broker_url, prefix=settings.broker_prefix))
        announcements = await stack.enter_async_context(Announcements(broker))
        world = _World(
            settings=settings, clock=now, database=database, broker=broker, announcements=announcements, vault=vault
        )
        hub = await _assemble(stack, world)
        services: list[Coroutine[Any, Any, None]] = []
        if Role.GATEWAY in roles:
            services.append(hub.replies.run())
            trials = await open_trials(stack, hub.registry, hub.graphs, database=database, clock=now)
            hub = replace(hub, trials=trials)
        if Role.EXECUTOR in roles:
            hub = replace(hub, executor=await _executor(stack, hub, announcements))
            services.append(_run_executor(hub))
        if Role.SCHEDULER in roles:
            services += await _scheduling(stack, hub, announcements)
        await stack.enter_async_context(_running(services))
        yield hub


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """What is open before the hub's own parts are made."""

    settings: Settings
    clock: Clock
    database: SqlDatabase
    broker: Broker
    announcements: Announcements
    vault: Vault


async def _assemble(stack: AsyncExitStack, world: _World) -> Hub:
    """What every role has."""
    settings, clock, database, broker = world.settings, world.clock, world.database, world.broker
    announcements = world.announcements
    private = tuple(ipaddress.ip_network(network) for network in settings.allow_private)
    client = await stack.enter_async_context(open_http(HttpSettings(allow_private=private)))
    connectors, broken = find_plugins()
    registry = Registry(client, connectors=connectors, broken=broken, now=clock.now)
    graphs = Graphs(database, load_document)
    routes = Routes(database, graphs)
    intake = Intake(database=database, routes=routes, announcements=announcements, clock=clock)
    await stack.enter_async_context(intake.commits)
    publishing = Publishing(database=database, broker=broker, clock=clock, outside=outside_of(registry))
    return Hub(
        name=f"{socket.gethostname()}-{os.getpid()}-{new_id()[-8:]}",
        settings=settings,
        clock=clock,
        database=database,
        broker=broker,
        registry=registry,
        graphs=graphs,
        routes=routes,
        verifiers=Verifiers(database, routes),
        intake=intake,
        publishing=publishing,
        splitting=Splitting(database=database, broker=broker, publishing=publishing, clock=clock),
        control=Control(database=database, broker=broker, graphs=graphs, announcements=announcements, clock=clock),
        debugging=Debugging(database=database, graphs=graphs, intake=intake, announcements=announcements, clock=clock),
        replay_jobs=ReplayJobs(database, clock),
        pausing=Pausing(database=database, broker=broker, announcements=announcements, clock=clock),
        resuming=open_resuming(world, graphs=graphs, intake=intake),
        links=SignedLinks(world.vault, settings.public_url),
        replies=Replies(database=database, broker=broker, name=new_id()),
        metrics=Metrics(),
        executor=None,
    )


async def _executor(stack: AsyncExitStack, hub: Hub, announcements: Announcements) -> Executor:
    recorder = Recorder(database=hub.database, broker=hub.broker, announcements=announcements)
    await stack.enter_async_context(recorder.commits)
    breakers = await stack.enter_async_context(Breakers(hub.database, hub.clock))
    owner = ExecutorId(new_id())
    calls = await stack.enter_async_context(Calls())
    heartbeat = await stack.enter_async_context(
        Heartbeat(hub.database, hub.clock, owner, details=lambda: {"name": hub.name, **calls.report(hub.clock.now())})
    )
    workers = await stack.enter_async_context(Workers())
    handler = ConnectorHandler(actions=hub.registry, connections=Bindings(hub.database, hub.clock), breakers=breakers)
    tools = Tools(
        owner=owner,
        effects={
            NodeKind.CONNECTOR: handler,
            NodeKind.CODE: CodeHandler(workers),
            NodeKind.LOOP: SpreadHandler(hub.resuming.parts),
            **hub.resuming.effects(),
        },
        recorder=recorder,
        clock=hub.clock,
        jitter=random.random,
        is_alive=lambda: heartbeat.alive,
        results=StoredResults(hub.database),
        links=hub.links,
        calls=calls,
    )
    executor = Executor(
        database=hub.database,
        broker=hub.broker,
        graphs=hub.graphs,
        tools=tools,
        heartbeat=heartbeat,
        concurrency=hub.settings.concurrency,
    )
    await stack.enter_async_context(executor.claims)
    return executor


async def _run_executor(hub: Hub) -> None:
    if hub.executor is not None:
        await hub.executor.run(grace=hub.settings.grace)


async def _scheduling(stack: AsyncExitStack, hub: Hub, announcements: Announcements) -> list[Coroutine[Any, Any, None]]:
    """The scheduler's services. They tick only while this process leads, which saves work and decides nothing."""
    leader = await stack.enter_async_context(Leader(hub.database, hub.clock, "scheduler", hub.name))
    admitter = Admitter(database=hub.database, graphs=hub.graphs, tells=announcements, clock=hub.clock)
    services: list[Service] = [
        Timers(hub.database, announcements, hub.clock),
        Resumer(hub.database, announcements, hub.clock),
        Matcher(hub.database, announcements, hub.clock),
        Announcer(hub.database, hub.broker, hub.clock),
        Reaper(hub.database, announcements, hub.clock),
        Deadlines(database=hub.database, broker=hub.broker, graphs=hub.graphs, clock=hub.clock),
        PauseReminder(hub.database, hub.broker),
        ReplayRunner(hub.database, hub.control, hub.clock),
        FailureNotices(
            database=hub.database,
            intake=hub.intake,
            graphs=hub.graphs,
            clock=hub.clock,
            public_url=hub.settings.public_url,
        ),
        DeadMessages(hub.database, hub.broker, hub.clock),
        Releaser(database=hub.database, graphs=hub.graphs, announcements=announcements, clock=hub.clock),
        Pruner(hub.database, hub.clock, retention=hub.settings.retention),
        BlobSweeper(hub.database),
        PartitionKeeper(hub.database, hub.clock),
    ]
    abandoned = AbandonedChildren(hub.database, hub.broker, hub.clock)
    schedules = run_schedules(
        database=hub.database,
        broker=hub.broker,
        intake=hub.intake,
        definitions=hub.graphs,
        clock=hub.clock,
        leads=lambda: leader.is_leader,
    )
    admitting = run_service(Led(admitter, leader), alarm=admitter.alarm)
    led = (run_service(Led(service, leader)) for service in [*services, abandoned])
    return [schedules, abandoned.listen(), admitter.listen(hub.broker), admitting, *led]


@asynccontextmanager
async def _running(services: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run services until the context ends. One that fails ends the context, and so the process."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(service) for service in services]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
