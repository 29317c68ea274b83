"""Approvals: questions that people are asked, and what they answered so far."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.model.approval import Approval, Decision


class AnswerView(Struct, frozen=True, kw_only=True):
    """What one assignee decided; ``by`` is who said so."""

    assignee: str
    decision: Decision
    comment: str
    data: Any
    by: str
    at: datetime


class ApprovalView(Struct, frozen=True, kw_only=True):
    """An open approval: ``needed`` of the ``assignees`` must approve.

    ``form`` is a JSON Schema of the data they give.
    """

    id: str
    workflow_id: str
    execution_id: str
    path: str
    title: str
    message: str
    assignees: list[str]
    needed: int
    form: dict[str, Any] | None
    opened_at: datetime
    due_at: datetime | None
    answers: list[AnswerView]


class ApprovalPage(Struct, frozen=True, kw_only=True):
    """Open approvals, oldest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[ApprovalView]
    next: str | None


class Decided(Struct, frozen=True, kw_only=True):
    """What all answers come to; ``null`` while more are needed."""

    decision: Decision | None


def approval_view(approval: Approval) -> ApprovalView:
    question = approval.question
    return ApprovalView(
        id=question.id,
        workflow_id=approval.workflow_id,
        execution_id=approval.execution_id,
        path=approval.path,
        title=question.title,
        message=question.message,
        assignees=list(question.assignees),
        needed=question.needed,
        form=question.form,
        opened_at=approval.opened_at,
        due_at=question.due_at,
        answers=[
            AnswerView(**{name: getattr(answer, name) for name in AnswerView.__struct_fields__})
            for answer in approval.answers
        ],
    )
