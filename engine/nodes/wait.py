"""Wait nodes: go on when something has come from outside, or when the time for it is up.

What came is told with the claim. Only when the time is up does the handler ask the database once more, because somebody
may have been told meanwhile that his call counts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from engine.errors import LimitExceeded
from engine.model.action import Effect
from engine.model.arrival import Arrival, Awaited
from engine.model.base import ExecutionId, JsonObject, ProjectId
from engine.model.execution import Execution, Status
from engine.model.node import TIMEOUT
from engine.model.outcome import Outcome, Succeeded, Suspended
from engine.model.waiting import EventWish, WaitSpec
from engine.nodes.base import Attempt

LARGEST_SCOPE = 64 * 1024
"""How many bytes of an execution an event may be held against."""


class Latecomers(Protocol):
    """What has come since the claim. Implemented by ``engine.arrivals``."""

    async def of(self, execution_id: ExecutionId, path: str) -> tuple[Arrival, ...]:
        """What has come for a step until now; nothing that is still coming is told that it counts before this ends."""


class Watches(Protocol):
    """Where steps say what they wait for. Implemented by ``engine.watching``; it waits while the database is away."""

    async def watch(self, project: ProjectId, execution_id: ExecutionId, path: str, target: ExecutionId) -> Execution:
        """Wait for the end of an execution; return it as it is now. Raises InvalidInput."""

    async def subscribe(self, project: ProjectId, execution_id: ExecutionId, path: str, wish: EventWish) -> None:
        """Wait for the first event that matches. Raises InvalidInput."""

    async def forget(self, execution_id: ExecutionId, path: str) -> None:
        """Wait no longer."""


@dataclass(frozen=True, slots=True)
class WaitHandler:
    """Waits for a callback, an event or an execution."""

    latecomers: Latecomers
    watches: Watches

    def prepare(self, attempt: Attempt) -> "PreparedWait":
        """Render what to wait for. Raises ExpressionError, LimitExceeded."""
        spec = attempt.node.node.spec
        assert isinstance(spec, WaitSpec)  # noqa: S101  the definition's kinds and specs go together
        wish, target = None, None
        if spec.awaited is Awaited.EVENT:
            wish = _wish(attempt, spec)
        elif spec.awaited is Awaited.EXECUTION:
            rendered = attempt.node.templates["execution"].render(attempt.scope, strict=attempt.node.node.strict)
            target = ExecutionId(rendered if isinstance(rendered, str) else "")
        return PreparedWait(self, attempt, spec, wish, target)


@dataclass(frozen=True, slots=True)
class PreparedWait:
    """One look at what has come."""

    handler: WaitHandler
    attempt: Attempt
    spec: WaitSpec
    wish: EventWish | None = None
    target: ExecutionId | None = None
    effect: Effect = Effect.IDEMPOTENT

    async def perform(self) -> Outcome:
        """Succeed with what came, leave by ``timeout``, or wait on."""
        attempt, watches = self.attempt, self.handler.watches
        where = (attempt.execution_id, attempt.visit.path)
        late = is_late(attempt, self.spec)
        if self.target is not None:
            found = await watches.watch(attempt.project_id, *where, self.target)
            if found.status.is_final:
                return Succeeded(output=_ended(found))
        elif self.wish is not None and attempt.visit.reason != self.spec.awaited:
            await watches.subscribe(attempt.project_id, *where, self.wish)
        if late and self.spec.awaited is not Awaited.CALLBACK:
            await watches.forget(*where)
        arrivals = attempt.arrivals
        if late and not arrivals:
            arrivals = await self.handler.latecomers.of(*where)
        if arrivals and self.spec.awaited is not Awaited.EXECUTION:
            return Succeeded(output=arrivals[0].payload)
        if late:
            return Succeeded(ports=(TIMEOUT,))
        return Suspended(due_at=waits_until(attempt, self.spec), reason=self.spec.awaited.value)


def _ended(execution: Execution) -> JsonObject:
    return {
        "id": execution.id,
        "status": execution.status.value,
        "output": execution.output if execution.status is Status.SUCCEEDED else None,
        "error": execution.error,
    }


def _wish(attempt: Attempt, spec: WaitSpec) -> EventWish:
    """What ``match`` sees of the execution that waits, as it is now."""
    scope: JsonObject = {}
    tests = attempt.node.tests
    for reference in sorted(tests[0].references) if tests else ():
        root, _, name = reference.partition(".")
        if root in ("trigger", "now"):
            continue
        value = attempt.scope.get(root)
        if name and isinstance(value, dict):
            scope.setdefault(root, {})[name] = value.get(name)
        else:
            scope[root] = value
    size = len(msgspec.json.encode(scope))
    if size > LARGEST_SCOPE:
        raise LimitExceeded(f"what match names has {size} bytes as JSON; the limit is {LARGEST_SCOPE}")
    workflow = spec.workflow or attempt.scope["workflow"]["id"]
    return EventWish(workflow=workflow, key=spec.trigger or "", match=spec.match, scope=scope)


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
