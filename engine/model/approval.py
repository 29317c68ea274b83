"""Approvals: a question to people, what they answered, and when their answers are enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.model.base import ExecutionId, Json, JsonObject, WorkflowId


class Decision(StrEnum):
    """What one person decides, and what becomes of an approval; also the ports of its node."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and of whom. ``needed`` of the ``assignees`` must approve.

    ``rejected_by_first``: one rejection rejects; else only so many that not enough can approve any more. ``form`` is a
    JSON Schema of the data that whoever approves gives; ``order`` names its fields as the form shows them.
    """

    id: str
    node: str
    title: str
    message: str
    assignees: tuple[str, ...]
    needed: int
    rejected_by_first: bool = True
    form: JsonObject | None = None
    order: tuple[str, ...] = ()
    due_at: datetime | None = None

    def as_json(self) -> JsonObject:
        """The form in the database."""
        return {
            "node": self.node,
            "title": self.title,
            "message": self.message,
            "assignees": list(self.assignees),
            "needed": self.needed,
            "rejected_by_first": self.rejected_by_first,
            "form": self.form,
            "order": list(self.order),
            "due_at": None if self.due_at is None else self.due_at.isoformat(),
        }


def read_question(id: str, stored: JsonObject) -> Question:
    """Read what ``Question.as_json`` wrote."""
    due_at = stored["due_at"]
    return Question(
        id=id,
        **{
            **stored,
            "assignees": tuple(stored["assignees"]),
            "order": tuple(stored["order"]),
            "due_at": None if due_at is None else datetime.fromisoformat(due_at),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one assignee decided. ``by`` is who said so: a link, or a signed-in person for the assignee."""

    assignee: str
    decision: Decision
    comment: str
    data: Json
    by: str
    at: datetime

    def as_json(self) -> JsonObject:
        """The form in the node's output and in the API."""
        return {
            "assignee": self.assignee,
            "decision": self.decision.value,
            "comment": self.comment,
            "data": self.data,
            "by": self.by,
            "at": self.at.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An open approval as it is shown."""

    execution_id: ExecutionId
    workflow_id: WorkflowId
    path: str
    opened_at: datetime
    question: Question
    answers: Sequence[Answer] = ()


def verdict(question: Question, answers: Sequence[Answer]) -> Decision | None:
    """What the answers come to; ``None``: not enough of them yet."""
    approvals = sum(answer.decision is Decision.APPROVED for answer in answers)
    rejections = len(answers) - approvals
    if approvals >= question.needed:
        return Decision.APPROVED
    if rejections and (question.rejected_by_first or len(question.assignees) - rejections < question.needed):
        return Decision.REJECTED
    return None
