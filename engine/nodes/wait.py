"""Wait nodes: go on when something has come from outside, or when the time for it is up.

What came is told with the claim. Only when the time is up does the handler ask the database once more, because somebody
may have been told meanwhile that his call counts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.action import Effect
from engine.model.arrival import Arrival
from engine.model.base import ExecutionId
from engine.model.node import TIMEOUT
from engine.model.outcome import Outcome, Succeeded, Suspended
from engine.model.waiting import WaitSpec
from engine.nodes.base import Attempt


class Latecomers(Protocol):
    """What has come since the claim. Implemented by ``engine.arrivals``."""

    async def of(self, execution_id: ExecutionId, path: str) -> tuple[Arrival, ...]:
        """What has come for a step until now; nothing that is still coming is told that it counts before this ends."""


@dataclass(frozen=True, slots=True)
class WaitHandler:
    """Waits for a callback."""

    latecomers: Latecomers

    def prepare(self, attempt: Attempt) -> "PreparedWait":
        """Nothing to render."""
        spec = attempt.node.node.spec
        assert isinstance(spec, WaitSpec)  # noqa: S101  the definition's kinds and specs go together
        return PreparedWait(self, attempt, spec)


@dataclass(frozen=True, slots=True)
class PreparedWait:
    """One look at what has come."""

    handler: WaitHandler
    attempt: Attempt
    spec: WaitSpec
    effect: Effect = Effect.PURE

    async def perform(self) -> Outcome:
        """Succeed with what came, leave by ``timeout``, or wait on."""
        attempt = self.attempt
        arrivals, late = attempt.arrivals, is_late(attempt, self.spec)
        if late and not arrivals:
            arrivals = await self.handler.latecomers.of(attempt.execution_id, attempt.visit.path)
        if arrivals:
            return Succeeded(output=arrivals[0].payload)
        if late:
            return Succeeded(ports=(TIMEOUT,))
        return Suspended(due_at=waits_until(attempt, self.spec), reason=self.spec.awaited.value)


def is_late(attempt: Attempt, spec: WaitSpec) -> bool:
    """Whether a visit has waited for as long as it may."""
    visit = attempt.visit
    waited = visit.reason == spec.awaited and visit.due_at is not None and visit.due_at <= attempt.now
    return waited and spec.limit is not None


def waits_until(attempt: Attempt, spec: WaitSpec) -> datetime:
    """When a visit stops to wait: what it was told first, else after the node's limit, at most the execution's end."""
    visit = attempt.visit
    if visit.reason == spec.awaited and visit.due_at is not None and visit.due_at > attempt.now:
        return visit.due_at
    if spec.limit is None:
        return attempt.deadline_at
    return min(attempt.now + spec.limit, attempt.deadline_at)
