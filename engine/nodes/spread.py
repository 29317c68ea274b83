"""Loops that are spread: start child executions for parts of the items, wait for them, put their results together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from engine.bodies import FIRST, SPREAD
from engine.errors import Category, ChildCancelled, StepTimeout
from engine.flow import CompiledNode, Flow
from engine.model.action import Effect
from engine.model.arrival import Awaited
from engine.model.base import ExecutionId, Json, JsonObject
from engine.model.execution import Execution, Failure, Status
from engine.model.lineage import PartsOrder
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended
from engine.nodes.base import Attempt
from engine.repositories.children import Child


class PartFamilies(Protocol):
    """Where parts come from. Implemented by ``engine.parts``; it waits while the database is away."""

    async def begin(self, order: PartsOrder) -> Sequence[Child] | None:
        """Start those that were not started yet, and return all in the order of their slots.

        ``None``: the parent belongs to somebody else, nothing was started.
        """

    async def give_up(self, order: PartsOrder, parts: Sequence[ExecutionId]) -> None:
        """Cancel parts that are waited for no longer."""


@dataclass(frozen=True, slots=True)
class SpreadHandler:
    """Spreads loops."""

    families: PartFamilies

    def prepare(self, attempt: Attempt) -> "PreparedSpread":
        """Cut the items into parts; each gets what the expressions of the body name of what is around the loop."""
        visit = attempt.visit
        assert visit.inside is not None  # noqa: S101  only a loop that was opened is spread
        named = references(attempt.node)
        around = {
            "names": visit.frame.names,
            "steps": _named(visit.frame.outputs, named, "steps"),
            "vars": _named(attempt.scope["vars"], named, "vars"),
            "trigger": attempt.scope["trigger"]["data"] if "trigger" in named else None,
        }
        parts = {str(part[FIRST]): {**around, "opening": part} for part in cut(visit.inside.opening)}
        order = PartsOrder(
            project_id=attempt.project_id,
            execution_id=attempt.execution_id,
            epoch=attempt.epoch,
            path=visit.path,
            entry=attempt.node.place,
            parts=parts,
        )
        return PreparedSpread(self.families, attempt, order)


def cut(opening: JsonObject) -> list[JsonObject]:
    """Return the openings of the parts of a spread loop."""
    size = int(opening[SPREAD])
    if "times" in opening:
        total = int(opening["times"])
        return [{"times": min(size, total - first), FIRST: first} for first in range(0, total, size)]
    over: list[Json] = opening["over"]
    return [{"over": over[first : first + size], FIRST: first} for first in range(0, len(over), size)]


def references(node: CompiledNode) -> set[str]:
    """Return what the expressions in the bodies of a node name, with ``steps`` for ``steps.shape``, too."""
    found: set[str] = set()
    for body in node.bodies.values():
        found |= _of_flow(body)
    return found | {name.partition(".")[0] for name in found}


def _of_flow(flow: Flow) -> set[str]:
    found: set[str] = set()
    for node in flow.nodes.values():
        maybe = (*node.templates.values(), node.input, node.assign, node.cache.key if node.cache else None)
        for template in maybe:
            found |= template.references if template is not None else set()
        for test in node.tests:
            found |= test.references
        found |= references(node)
    return found


def _named(values: Mapping[str, Json], named: set[str], root: str) -> JsonObject:
    """The entries that are named; all of them where a key is computed."""
    dynamic = root in named and not any(name.startswith(f"{root}.") for name in named)
    return {key: value for key, value in values.items() if dynamic or f"{root}.{key}" in named}


@dataclass(frozen=True, slots=True)
class PreparedSpread:
    """One look at the parts, which are started if they are not yet."""

    families: PartFamilies
    attempt: Attempt
    order: PartsOrder
    effect: Effect = Effect.IDEMPOTENT

    async def perform(self) -> Outcome:
        """Succeed with all results in order, fail as the first part that failed, or wait."""
        children = await self.families.begin(self.order)
        if children is None:  # what follows is not recorded any more
            return Suspended(due_at=self.attempt.now, reason=Awaited.CHILD.value)
        parts = [child.execution for child in children]
        bad = next((part for part in parts if part.status in (Status.FAILED, Status.CANCELLED)), None)
        left = [part.id for part in parts if not part.status.is_final]
        if bad is not None:
            await self.families.give_up(self.order, left)
            return Failed(failure=_failure(bad, self.order))
        if not left:
            return Succeeded(output=[item for part in parts for item in part.output or []])
        limit = self._limit()
        if limit <= timedelta():
            await self.families.give_up(self.order, left)
            raise StepTimeout(f'"{self.order.path}" took longer than its time limit, {self.attempt.node.node.timeout}')
        return Suspended(due_at=self.attempt.now + limit, reason=Awaited.CHILD.value)

    def _limit(self) -> timedelta:
        """How long to wait at most from now."""
        attempt = self.attempt
        left = attempt.deadline_at - attempt.now
        limit, since = attempt.node.node.timeout, attempt.visit.waiting_since
        return left if limit is None or since is None else min(left, since + limit - attempt.now)


def _failure(part: Execution, order: PartsOrder) -> Failure:
    error = part.error or {}
    code = ChildCancelled.code if part.status is Status.CANCELLED else str(error.get("code", "step_failed"))
    step = error.get("step") or order.path
    return Failure(
        code=code,
        message=f"the part {part.id} of the loop failed: {error.get('message', '')}"[:2000],
        category=Category(error.get("category", Category.PERMANENT)),
        step=str(step),
        execution_id=part.id,
    )
