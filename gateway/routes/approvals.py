"""Open approvals, for people and programs with an API key."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from engine.approvals import Said
from engine.errors import Conflict, InvalidRequest
from engine.model.access import Scope
from engine.model.approval import Approval, Decision
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, PageQuery, Query
from gateway.views.approvals import ApprovalPage, ApprovalView, Decided, approval_view

Comment = Annotated[str, Meta(max_length=4000)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]


class ApprovalQuery(PageQuery, frozen=True, kw_only=True):
    """Which open approvals to list."""

    assignee: Annotated[str, Meta(max_length=500, description="who is asked and has not answered")] | None = None


class Approving(Body, frozen=True, kw_only=True, rename={"assignee": "as"}):
    """An approval: for whom, where several are asked, and the form's data."""

    assignee: Name | None = None
    comment: Comment = ""
    data: Any | UnsetType = UNSET


class Rejecting(Body, frozen=True, kw_only=True, rename={"assignee": "as"}):
    """A rejection: for whom, where several are asked."""

    assignee: Name | None = None
    comment: Comment = ""


async def list_approvals(call: Call[ApprovalQuery, None]) -> ApprovalPage:
    """List open approvals, oldest first."""
    query = call.query
    found = await call.hub.resuming.approvals.list(
        call.caller.project, limit=query.limit, after=query.after, assignee=query.assignee
    )
    return ApprovalPage(
        items=[approval_view(each) for each in found],
        next=found[-1].question.id if len(found) == query.limit else None,
    )


async def get_approval(call: Call[Query, None]) -> ApprovalView:
    """Get an open approval."""
    return approval_view(await call.hub.resuming.approvals.get(call.caller.project, call.id("approval")))


async def approve(call: Call[Query, Approving]) -> Decided:
    """Approve what is asked.

    The answer of each assignee counts once. With `as` the caller answers for one of several assignees.
    """
    data = None if call.body.data is UNSET else call.body.data
    return await _decide(call, Decision.APPROVED, call.body.assignee, data=data)


async def reject(call: Call[Query, Rejecting]) -> Decided:
    """Reject what is asked.

    The answer of each assignee counts once. With `as` the caller answers for one of several assignees.
    """
    return await _decide(call, Decision.REJECTED, call.body.assignee)


async def _decide(call: Call[Any, Any], decision: Decision, wanted: str | None, *, data: Any = None) -> Decided:
    approval = await call.hub.resuming.approvals.get(call.caller.project, call.id("approval"))
    said = Said(decision=decision, comment=call.body.comment, data=data, by=call.caller.actor)
    assignee = wanted or _only(approval)
    if assignee not in approval.question.assignees:
        raise InvalidRequest(f'"{assignee}" is not asked here; asked: {", ".join(approval.question.assignees)[:500]}')
    return Decided(
        decision=await call.hub.resuming.approvals.decide(approval.execution_id, approval.path, assignee, said)
    )


def _only(approval: Approval) -> str:
    answered = {answer.assignee for answer in approval.answers}
    left = [each for each in approval.question.assignees if each not in answered]
    if len(left) != 1:
        known = ", ".join(left)[:500] or "nobody"
        raise Conflict(f'say for whom you decide, in "as"; still asked: {known}')
    return left[0]


_ONE = "/approvals/{approval}"

endpoints = [
    Endpoint(method="GET", path="/approvals", handler=list_approvals, scope=Scope.READ),
    Endpoint(method="GET", path=_ONE, handler=get_approval, scope=Scope.READ),
    Endpoint(method="POST", path=f"{_ONE}/approve", handler=approve, scope=Scope.EXECUTE, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/reject", handler=reject, scope=Scope.EXECUTE, refusals=(409,)),
]
