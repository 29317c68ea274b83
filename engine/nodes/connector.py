"""Connector nodes: call one action of one connector, once."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from engine.breaker import Breakers
from engine.errors import InvalidInput, RetryableError, StepError, StepTimeout
from engine.model.action import ActionCall, ActionInfo, Effect
from engine.model.base import ConnectionId, Json, JsonObject, ProjectId, format_duration
from engine.model.connection import Credentials
from engine.model.node import ConnectorSpec
from engine.model.outcome import Outcome, Succeeded
from engine.nodes.base import Attempt


class Actions(Protocol):
    """Where the handler finds actions. Implemented by ``connectors.registry``."""

    def describe(self, use: str) -> ActionInfo | None:
        """``None``: no installed connector offers it."""

    def effect(self, use: str, inputs: JsonObject) -> Effect:
        """What repeating this very call would do."""

    async def perform(self, use: str, call: ActionCall) -> Json:
        """Make one attempt. Raises StepError, classified."""


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
        """Raises InvalidInput: no connection has that name."""


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
        """Make the call. Trouble of the remote side counts against the connection's breaker, bad inputs do not.

        Raises:
            CircuitOpen: The breaker is open; nothing was sent.
            StepTimeout: The node's ``timeout`` passed; the call may have happened.
        """
        bound = await self._bound()
        breaker_key = f"{self.spec.use.partition('.')[0]}:{bound.id}" if bound else None
        permit = await self.handler.breakers.admit(breaker_key) if breaker_key else None
        limit = self.attempt.node.node.timeout
        call = ActionCall(
            inputs=self.inputs,
            idempotency_key=self.attempt.idempotency_key,
            timeout=limit,
            credentials=bound.credentials if bound else None,
            config=bound.config if bound else {},
        )
        try:
            async with asyncio.timeout(limit.total_seconds()):
                output = await self.handler.actions.perform(self.spec.use, call)
        except TimeoutError as exc:
            if permit:
                permit.failure()
            raise StepTimeout(f"no result within {format_duration(limit)}, the node's timeout") from exc
        except StepError as exc:
            if permit:
                permit.failure() if isinstance(exc, RetryableError) else permit.success()
            raise
        except asyncio.CancelledError:
            if permit:
                permit.abandon()
            raise
        if permit:
            permit.success()
        return Succeeded(output=output)

    async def _bound(self) -> BoundConnection | None:
        if self.spec.connection is None:
            return None
        return await self.handler.connections.get(self.attempt.project_id, self.spec.connection)
