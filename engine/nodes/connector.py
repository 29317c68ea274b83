"""Connector nodes: call one action of one connector, once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from engine.breaker import Breakers
from engine.errors import InvalidInput, OutcomeUnknown, RetryableError, StepError, Unavailable
from engine.model.action import ActionCall, ActionInfo, Effect
from engine.model.base import ConnectionId, Json, JsonObject, ProjectId
from engine.model.connection import Credentials
from engine.model.node import ConnectorSpec
from engine.model.outcome import Outcome, Succeeded, Suspended
from engine.nodes.base import Attempt

DATABASE_PAUSE = timedelta(seconds=1)
"""How long a step waits that could not read its connection."""


class Actions(Protocol):
    """Where the handler finds actions. Implemented by ``connectors.registry``."""

    def describe(self, use: str) -> ActionInfo | None:
        """``None``: no installed connector offers it."""

    def effect(self, use: str, inputs: JsonObject) -> Effect:
        """What repeating this very call would do."""

    async def perform(self, use: str, call: ActionCall) -> Json:
        """Make one attempt within ``call.timeout``. Raises StepError, classified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundConnection:
    """A connection with its credentials, as one attempt needs it."""

    id: ConnectionId
    connector: str
    config: JsonObject
    credentials: Credentials


class ConnectionSource(Protocol):
    """Where the handler finds connections; it caches them until they change."""

    async def get(self, project: ProjectId, alias: str) -> BoundConnection:
        """Raises InvalidInput: no connection has that name. Raises Unavailable: the database is away."""


@dataclass(frozen=True, slots=True)
class ConnectorHandler:
    """Calls actions through the breaker of their connection, within the node's time limit."""

    actions: Actions
    connections: ConnectionSource
    breakers: Breakers

    def prepare(self, attempt: Attempt) -> "PreparedAction":
        """Render the inputs. Raises ExpressionError, InvalidInput."""
        node = attempt.node
        spec = node.node.spec
        assert isinstance(spec, ConnectorSpec)  # noqa: S101  the definition's kinds and specs go together
        inputs = node.templates["inputs"].render(attempt.scope, strict=node.node.strict)
        if self.actions.describe(spec.use) is None:
            raise InvalidInput(f'no installed connector offers "{spec.use}"')
        return PreparedAction(self, attempt, spec, inputs, self.actions.effect(spec.use, inputs))


@dataclass(frozen=True, slots=True)
class PreparedAction:
    """One call, ready to be made."""

    handler: ConnectorHandler
    attempt: Attempt
    spec: ConnectorSpec
    inputs: JsonObject
    effect: Effect

    async def perform(self) -> Outcome:
        """Make the call, within the node's time limit and the execution's.

        Trouble of the remote side counts against the connection's breaker; its refusals and bad inputs do not.

        Raises:
            CircuitOpen: The breaker is open; nothing was sent.
            StepError: The call failed; the class says what to do.
        """
        try:
            bound = await self._bound()
        except Unavailable:
            # Nothing was sent, so this is no attempt; it is made when the database can say what the connection is.
            return Suspended(due_at=self.attempt.now + DATABASE_PAUSE, reason="database")
        if bound is None:
            return await self._call(None)
        permit = await self.handler.breakers.admit(f"{bound.connector}:{bound.id}")
        try:
            outcome = await self._call(bound)
        except (RetryableError, OutcomeUnknown):
            permit.failure()
            raise
        except StepError:
            permit.success()
            raise
        except BaseException:
            permit.abandon()
            raise
        permit.success()
        return outcome

    async def _call(self, bound: BoundConnection | None) -> Outcome:
        attempt = self.attempt
        call = ActionCall(
            inputs=self.inputs,
            idempotency_key=attempt.idempotency_key,
            timeout=attempt.time_left,
            credentials=bound.credentials if bound else None,
            config=bound.config if bound else {},
        )
        return Succeeded(output=await self.handler.actions.perform(self.spec.use, call))

    async def _bound(self) -> BoundConnection | None:
        if self.spec.connection is None:
            return None
        return await self.handler.connections.get(self.attempt.project_id, self.spec.connection)
