"""A connector node and its connection: what is asked before the call, and what happens when nobody can say."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from engine.breaker import Breakers
from engine.errors import Unavailable
from engine.model.action import ActionCall, ActionInfo, Effect
from engine.model.base import ConnectionId, ExecutionId, Json, JsonObject, ProjectId
from engine.model.connection import Credentials
from engine.model.node import ConnectorSpec, NodeKind
from engine.model.outcome import Succeeded, Suspended
from engine.nodes.base import Attempt
from engine.nodes.connector import BoundConnection, ConnectorHandler
from tests.fakes import FakeClock, SwitchedDatabase
from tests.unit.engine.flows import NOON, graph, lone_visit, node

BOUND = BoundConnection(
    id=ConnectionId("c"), connector="acme", config={"region": "eu"}, credentials=Credentials({"token": "t"})
)


@dataclass
class FakeActions:
    """One action that keeps the calls made to it."""

    calls: list[ActionCall] = field(default_factory=list)

    def describe(self, use: str) -> ActionInfo | None:
        return ActionInfo(
            use=use,
            connector="acme",
            label="Act",
            description="",
            effect=Effect.KEYED,
            inputs_schema={},
            connection="required",
        )

    def effect(self, use: str, inputs: JsonObject) -> Effect:
        return Effect.KEYED

    async def perform(self, use: str, call: ActionCall) -> Json:
        self.calls.append(call)
        return "done"


@dataclass
class FakeConnections:
    """Knows one connection while its database is there."""

    away: bool = False

    async def get(self, project: ProjectId, alias: str) -> BoundConnection:
        if self.away:
            raise Unavailable("the database is away")
        return BOUND


@pytest.fixture
def attempt() -> Attempt:
    spec = ConnectorSpec(use="acme.act", connection="account", inputs={"n": 1})
    flow = graph(node("n", NodeKind.CONNECTOR, spec=spec))
    visit = lone_visit(flow.nodes["n"])
    scope: JsonObject = {"trigger": {"data": None}, "steps": {}, "vars": {}, "input": None, "now": NOON.isoformat()}
    return Attempt(visit, scope, None, NOON, NOON + timedelta(days=1), ExecutionId("x"), ProjectId("p"))


async def test_a_call_gets_its_connection(attempt: Attempt, database: SwitchedDatabase, clock: FakeClock) -> None:
    actions = FakeActions()
    handler = ConnectorHandler(actions=actions, connections=FakeConnections(), breakers=Breakers(database, clock))

    outcome = await handler.prepare(attempt).perform()

    assert outcome == Succeeded(output="done")
    (call,) = actions.calls
    assert (call.inputs, call.config, call.idempotency_key) == ({"n": 1}, {"region": "eu"}, "x:n")
    assert call.credentials == BOUND.credentials


async def test_a_step_whose_connection_cannot_be_read_waits_and_uses_up_no_attempt(
    attempt: Attempt, database: SwitchedDatabase, clock: FakeClock
) -> None:
    actions = FakeActions()
    handler = ConnectorHandler(
        actions=actions, connections=FakeConnections(away=True), breakers=Breakers(database, clock)
    )

    outcome = await handler.prepare(attempt).perform()

    assert outcome == Suspended(due_at=NOON + timedelta(seconds=1), reason="database")
    assert not actions.calls
