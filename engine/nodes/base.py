"""What handlers are given and what they are: one attempt at one node, classified, never retried here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.errors import OutcomeUnknown, PatchbayError, RetryableError, StepError
from engine.flow import CompiledNode
from engine.model.action import Effect
from engine.model.arrival import Arrival
from engine.model.base import ExecutionId, Json, JsonObject, ProjectId
from engine.model.execution import Failure
from engine.model.outcome import Failed, Outcome, Unknown
from engine.state import Visit


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a visit: what the expressions see, and when it starts.

    ``scope`` is what expressions see, ``input`` its part of that name; ``deadline_at`` is when the execution's time
    is up, ``max_iterations`` the most rounds of a loop. ``now`` is the real time, for delays; expressions see
    ``scope["now"]``, which a crash does not change. ``arrivals`` is what had come from outside for this visit when the
    execution was claimed, ``epoch`` the number under which it was. ``part`` is the opening of a loop of which this
    execution runs only a part; ``spreads`` says that a loop may leave its iterations to other executions.
    """

    visit: Visit
    scope: JsonObject
    input: Json
    now: datetime
    deadline_at: datetime
    execution_id: ExecutionId
    project_id: ProjectId
    arrivals: tuple[Arrival, ...] = ()
    max_iterations: int = 10_000
    epoch: int = 0
    part: JsonObject | None = None
    spreads: bool = False

    @property
    def node(self) -> CompiledNode:
        """The node this is an attempt at."""
        return self.visit.node

    @property
    def time_left(self) -> timedelta:
        """How long a call may take: the node's time limit, or what is left of the execution's."""
        left = self.deadline_at - self.now
        return left if self.node.node.timeout is None else min(self.node.node.timeout, left)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at this visit, also after a crash; different for every other visit."""
        return f"{self.execution_id}:{self.visit.path}"


class PureHandler(Protocol):
    """Runs a kind of node that changes nothing outside; it may be repeated freely."""

    def __call__(self, attempt: Attempt) -> Outcome:
        """Raises ExpressionError or StepError, which the caller turns into a failure."""


class PreparedCall(Protocol):
    """An effect that is ready to begin, its inputs rendered."""

    @property
    def effect(self) -> Effect: ...

    async def perform(self) -> Outcome:
        """Do it once. Raises StepError."""


class EffectHandler(Protocol):
    """Runs a kind of node that changes something outside."""

    def prepare(self, attempt: Attempt) -> PreparedCall:
        """Render and check the inputs; nothing is sent. Raises ExpressionError or StepError."""


PureHandlers = Mapping[str, PureHandler]


def failed(error: PatchbayError, *, step: str) -> Failed | Unknown:
    """Turn an error into an outcome; what is no ``StepError`` (an expression that fails) is permanent."""
    retry_after = error.retry_after if isinstance(error, RetryableError) else None
    message = str(error)[:2000]
    if isinstance(error, StepError):
        failure = Failure(code=error.code, message=message, category=error.category, step=step)
    else:
        failure = Failure(code=error.code, message=message, step=step)
    if isinstance(error, OutcomeUnknown):
        return Unknown(failure=failure)
    return Failed(failure=failure, retry_after=retry_after)
