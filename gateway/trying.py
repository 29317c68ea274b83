"""What a gateway needs to try things out: handlers of its own, so that it can do without an executor's."""

from contextlib import AsyncExitStack

from connectors.registry import Registry
from engine.breaker import Breakers
from engine.graphs import Graphs
from engine.model.node import NodeKind
from engine.nodes.base import EffectHandler
from engine.nodes.code import CodeHandler
from engine.nodes.connector import ConnectorHandler
from engine.ports import Clock, Database
from engine.trials.service import Trials
from engine.workers import Workers
from gateway.bindings import Bindings


async def open_trials(
    stack: AsyncExitStack, registry: Registry, graphs: Graphs, *, database: Database, clock: Clock
) -> Trials:
    """Open them until the stack ends. One worker process is started when code is first tried, and no more."""
    workers = await stack.enter_async_context(Workers(1))
    breakers = await stack.enter_async_context(Breakers(database, clock))
    connector = ConnectorHandler(actions=registry, connections=Bindings(database, clock), breakers=breakers)
    effects: dict[NodeKind, EffectHandler] = {NodeKind.CONNECTOR: connector, NodeKind.CODE: CodeHandler(workers)}
    return Trials(database=database, graphs=graphs, clock=clock, effects=effects, workers=workers)
