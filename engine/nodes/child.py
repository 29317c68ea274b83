"""Workflow nodes: start an execution of another workflow, once, and pass on what becomes of it."""

from dataclasses import dataclass, replace
from typing import Protocol

from engine.errors import Category, ChildCancelled, InvalidInput, StepTimeout
from engine.model.action import Effect
from engine.model.arrival import Awaited
from engine.model.base import EventId, ExecutionId, Json, JsonObject, ProjectId
from engine.model.execution import Execution, Failure, Status
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended
from engine.model.waiting import ChildSpec
from engine.nodes.base import Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildOrder:
    """What a step asks for. ``slot`` is the attempt: another attempt starts another child.

    ``epoch`` is the number under which the parent is owned; under an old one nothing is started.
    """

    project_id: ProjectId
    execution_id: ExecutionId
    epoch: int
    path: str
    slot: str
    workflow: str
    version: str
    data: Json
    awaited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A child. ``event_id`` ``None``: nothing was started, the parent belongs to somebody else.

    ``execution`` is ``None`` while its event is held, because its workflow is paused.
    """

    event_id: EventId | None
    execution_id: ExecutionId | None = None
    execution: Execution | None = None

    @property
    def ended(self) -> Execution | None:
        """The child, if it has ended."""
        return self.execution if self.execution is not None and self.execution.status.is_final else None


class Families(Protocol):
    """Where children come from. Implemented by ``engine.children``; it waits while the database is away."""

    async def begin(self, order: ChildOrder) -> Begun:
        """Start the child of a step's attempt, or find the one that was started; an awaited one wakes the parent.

        Raises:
            InvalidInput, ChildRefused, LimitExceeded: It cannot be started.
        """

    async def give_up(self, order: ChildOrder, child: ExecutionId) -> bool:
        """Cancel a child that is waited for no longer; false if it has ended meanwhile."""


@dataclass(frozen=True, slots=True)
class ChildHandler:
    """Starts children."""

    families: Families

    def prepare(self, attempt: Attempt) -> "PreparedChild":
        """Render what to start. Raises ExpressionError, InvalidInput."""
        node = attempt.node
        spec = node.node.spec
        assert isinstance(spec, ChildSpec)  # noqa: S101  the definition's kinds and specs go together
        strict = node.node.strict
        rendered = {name: template.render(attempt.scope, strict=strict) for name, template in node.templates.items()}
        order = ChildOrder(
            project_id=attempt.project_id,
            execution_id=attempt.execution_id,
            epoch=attempt.epoch,
            path=attempt.visit.path,
            slot=str(attempt.visit.attempt),
            workflow=_name(rendered["workflow"], "workflow"),
            version=_name(rendered["version"], "version"),
            data=rendered["inputs"],
            awaited=spec.awaited,
        )
        return PreparedChild(self.families, attempt, spec, order)


@dataclass(frozen=True, slots=True)
class PreparedChild:
    """One look at the child, which is started if there is none."""

    families: Families
    attempt: Attempt
    spec: ChildSpec
    order: ChildOrder
    effect: Effect = Effect.IDEMPOTENT

    async def perform(self) -> Outcome:
        """Succeed with the child's result, fail as it failed, or wait for it."""
        begun = await self.families.begin(self.order)
        if begun.event_id is None:  # what follows is not recorded any more
            return Suspended(due_at=self.attempt.now, reason=Awaited.CHILD.value)
        if not self.spec.awaited:
            return Succeeded(output=_ids(begun))
        if begun.ended is None and self._is_late():
            child = begun.execution_id
            if child is None or await self.families.give_up(self.order, child):
                raise StepTimeout(f"the execution {child or 'of a paused workflow'} took longer than {self.spec.limit}")
            begun = await self.families.begin(self.order)
        if begun.ended is None:
            return self._waits()
        return _passed_on(begun.ended, self.order)

    def _is_late(self) -> bool:
        visit = self.attempt.visit
        is_due = visit.reason == Awaited.CHILD and visit.due_at is not None and visit.due_at <= self.attempt.now
        return is_due and self.spec.limit is not None

    def _waits(self) -> Suspended:
        attempt, visit = self.attempt, self.attempt.visit
        due_at = attempt.deadline_at
        if visit.reason == Awaited.CHILD and visit.due_at is not None and visit.due_at > attempt.now:
            due_at = visit.due_at
        elif self.spec.limit is not None:
            due_at = min(attempt.now + self.spec.limit, attempt.deadline_at)
        return Suspended(due_at=due_at, reason=Awaited.CHILD.value)


def _passed_on(child: Execution, order: ChildOrder) -> Outcome:
    if child.status is Status.SUCCEEDED:
        return Succeeded(output=child.output)
    error = child.error or {}
    said = str(error.get("message", ""))[:1900]
    failure = Failure(
        code=str(error.get("code", "step_failed")),
        message=f'the execution {child.id} of "{order.workflow}" failed: {said}',
        category=Category(error.get("category", Category.PERMANENT)),
        step=order.path,
        execution_id=child.id,
    )
    if child.status is Status.CANCELLED:
        said = f'the execution {child.id} of "{order.workflow}" was cancelled: {said}'
        failure = replace(failure, code=ChildCancelled.code, message=said)
    return Failed(failure=failure)


def _ids(begun: Begun) -> JsonObject:
    return {"event_id": begun.event_id, "execution_id": begun.execution_id}


def _name(value: Json, field: str) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.strip():
        raise InvalidInput(f'the field "{field}" of a workflow node must name one, and is {value!r:.100}')
    return text
