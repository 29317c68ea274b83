"""Actions as the engine sees them: what a call may do to the world, what it is given, and how it is described."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from engine.model.base import JsonObject
from engine.model.connection import Credentials


class Effect(StrEnum):
    """What repeating a call does, which decides how the engine treats one that was under way when a process died."""

    PURE = "pure"
    """Changes nothing outside; repeat it freely."""
    IDEMPOTENT = "idempotent"
    """A repeat leaves the outside as one call does (read, set, delete)."""
    KEYED = "keyed"
    """A repeat is harmless because the service knows the idempotency key; this is the default."""
    UNREPEATABLE = "unrepeatable"
    """A repeat happens twice; when in doubt the outcome is unknown, and a person decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionInfo:
    """What a definition check, the API and the editor need to know of one action.

    Attributes:
        use: The name in definitions, ``connector.action``.
        effect: What a call does unless its inputs say otherwise; see ``Actions.effect``.
        inputs_schema: JSON Schema of ``with``.
        connection: ``required``, ``optional`` or ``none``.
    """

    use: str
    connector: str
    label: str
    description: str
    effect: Effect
    inputs_schema: JsonObject
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCall:
    """One attempt at an action.

    Attributes:
        inputs: ``with``, rendered.
        idempotency_key: The same for every attempt at this visit of this step, different for any other.
        timeout: How long the attempt may take.
        credentials: The connection's secret content; ``None`` without a connection.
        config: The connection's part that is no secret.
    """

    inputs: JsonObject
    idempotency_key: str
    timeout: timedelta
    credentials: Credentials | None = None
    config: JsonObject = field(default_factory=dict)
