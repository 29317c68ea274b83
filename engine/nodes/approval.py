"""Approval nodes: ask people, wait for as many answers as it takes, and leave by what they come to."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.errors import InvalidInput, StepTimeout
from engine.model.action import Effect
from engine.model.approval import Answer, Decision, Question, verdict
from engine.model.arrival import Awaited
from engine.model.base import ExecutionId, Json, ProjectId
from engine.model.node import TIMEOUT
from engine.model.outcome import Outcome, Succeeded, Suspended
from engine.model.waiting import ApprovalSpec
from engine.nodes.base import Attempt

MOST_ASSIGNEES = 100
_SPACE = uuid.UUID("6f1c9d52-0f0e-5e0a-9a51-4c1f4b1f7a10")


class Asks(Protocol):
    """Where questions are put. Implemented by ``engine.approvals``; it waits while the database is away."""

    async def ask(self, project: ProjectId, execution_id: ExecutionId, path: str, question: Question) -> None:
        """Let people answer; asking again changes nothing."""

    async def answers(self, execution_id: ExecutionId, path: str) -> tuple[Question | None, Sequence[Answer]]:
        """What was asked, while it is open, and what has been answered."""

    async def close(self, execution_id: ExecutionId, path: str) -> tuple[Question | None, Sequence[Answer]]:
        """The same, and let nobody answer any more."""


@dataclass(frozen=True, slots=True)
class ApprovalHandler:
    """Asks people."""

    asks: Asks

    def prepare(self, attempt: Attempt) -> "PreparedApproval":
        """Render the question. Raises ExpressionError, InvalidInput."""
        node = attempt.node
        spec = node.node.spec
        assert isinstance(spec, ApprovalSpec)  # noqa: S101  the definition's kinds and specs go together
        strict = node.node.strict
        texts = {name: template.render(attempt.scope, strict=strict) for name, template in node.templates.items()}
        assignees = assignees_of(texts["assignees"])
        needed = len(assignees) if spec.needed is None else spec.needed
        if needed > len(assignees):
            raise InvalidInput(f"{needed} must approve, and there are only {len(assignees)} assignees")
        question = Question(
            id=str(uuid.uuid5(_SPACE, f"{attempt.idempotency_key}:{attempt.visit.attempt}")),
            node=node.key,
            title=_text(texts["title"]) or node.node.name or node.key,
            message=_text(texts["message"]),
            assignees=assignees,
            needed=needed,
            rejected_by_first=spec.rejected_by_first,
            form=spec.form,
            order=spec.order,
            due_at=None if spec.limit is None else min(attempt.now + spec.limit, attempt.deadline_at),
        )
        return PreparedApproval(self.asks, attempt, spec, question)


@dataclass(frozen=True, slots=True)
class PreparedApproval:
    """One look at the answers; at the first one the question is put."""

    asks: Asks
    attempt: Attempt
    spec: ApprovalSpec
    question: Question
    effect: Effect = Effect.IDEMPOTENT

    async def perform(self) -> Outcome:
        """Leave by what the answers come to, by what the time limit does, or wait on."""
        attempt, visit = self.attempt, self.attempt.visit
        where = (attempt.execution_id, visit.path)
        waits = visit.reason == Awaited.APPROVAL and visit.due_at is not None
        if not waits:
            await self.asks.ask(attempt.project_id, *where, self.question)
        is_due = waits and visit.due_at is not None and visit.due_at <= attempt.now
        late = is_due and self.spec.limit is not None
        asked, answers = await (self.asks.close if late else self.asks.answers)(*where)
        reached = verdict(asked or self.question, answers)
        if reached is None and late:
            return self._late(answers)
        if reached is None:
            due_at = visit.due_at if waits and not is_due else self.question.due_at
            return Suspended(due_at=due_at or attempt.deadline_at, reason=Awaited.APPROVAL.value)
        return _leave(reached.value, answers)

    def _late(self, answers: Sequence[Answer]) -> Outcome:
        if self.spec.on_timeout == "fail":
            raise StepTimeout(f"nobody decided enough within {self.spec.limit}")
        return _leave(self.spec.on_timeout, answers, timed_out=True)


def _leave(port: str, answers: Sequence[Answer], *, timed_out: bool = False) -> Succeeded:
    last = next((each for each in reversed(answers) if each.decision.value == port), None)
    output = {
        "decision": port,
        "timed_out": timed_out,
        "comment": last.comment if last else "",
        "data": last.data if last else None,
        "by": last.assignee if last else None,
        "decisions": [answer.as_json() for answer in answers],
    }
    return Succeeded(output=output, ports=(port,))


PORTS = (Decision.APPROVED.value, Decision.REJECTED.value, TIMEOUT)


def assignees_of(value: Json) -> tuple[str, ...]:
    """Read a rendered list of people, or one.

    Raises:
        InvalidInput: It names nobody, or too many.
    """
    listed = value if isinstance(value, list) else [value]
    names = tuple(dict.fromkeys(each.strip() for each in listed if isinstance(each, str) and each.strip()))
    if not names or len(names) > MOST_ASSIGNEES or not all(isinstance(each, str) for each in listed):
        raise InvalidInput(f"assignees must be 1 to {MOST_ASSIGNEES} texts, and are {value!r:.200}")
    return names


def _text(value: Json) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
