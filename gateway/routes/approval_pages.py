"""Approvals by link: ``/approvals/{token}`` shows the question to one assignee, who answers without signing in.

GET never decides, because mail programs follow links.
"""

from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.approvals import Said, TooLate
from engine.errors import InvalidRequest, NotFound
from engine.model.approval import Approval, Decision
from gateway.bootstrap import Hub
from gateway.forms import fields_html, read_fields
from gateway.links import APPROVAL, Target
from gateway.pages import page, text
from gateway.requests import read_body

LARGEST_BODY = 256 * 1024
CLOSED = "Nobody waits for this answer: the question is decided, its time is up, or it has not been asked yet."
DONE = {
    Decision.APPROVED: "You have approved this.",
    Decision.REJECTED: "You have rejected this.",
}


async def answer(request: Request) -> Response:
    """Show the question at GET, take the answer at POST."""
    hub: Hub = request.app.state.hub
    target = hub.links.read(APPROVAL, request.path_params["token"])
    if target is None:
        raise NotFound("there is no such link")
    approval = await hub.resuming.approvals.find(target.execution_id, target.path)
    if approval is None or target.assignee not in approval.question.assignees:
        return page("Nothing to decide here", text(CLOSED), status=410)
    given = await _form(hub, request) if request.method == "POST" else {}
    before = next((each for each in approval.answers if each.assignee == target.assignee), None)
    if before is not None:
        return page(
            approval.question.title, text(DONE[before.decision]), text("Your answer was given before.", kind="note")
        )
    if request.method != "POST":
        return _question(approval, target, given)
    try:
        return await _decide(hub, approval, target, given=given)
    except InvalidRequest as exc:
        return _question(approval, target, given, wrong=str(exc), status=422)
    except TooLate as exc:
        return page(approval.question.title, text(f"{exc}"), status=410)


async def _decide(hub: Hub, approval: Approval, target: Target, *, given: Mapping[str, str]) -> Response:
    try:
        decision = Decision(given.get("decision", ""))
    except ValueError as exc:
        raise InvalidRequest("choose Approve or Reject") from exc
    data = read_fields(approval.question, given) if decision is Decision.APPROVED else None
    said = Said(decision=decision, comment=given.get("comment", "").strip(), data=data, by=f"link:{target.assignee}")
    reached = await hub.resuming.approvals.decide(target.execution_id, target.path, target.assignee, said)
    more = "The question is decided." if reached else "Others are asked as well."
    return page(approval.question.title, text(DONE[decision]), text(more, kind="note"))


def _question(
    approval: Approval, target: Target, given: Mapping[str, str], *, wrong: str = "", status: int = 200
) -> Response:
    question = approval.question
    parts = [text(f"Asked: {target.assignee}", kind="note")]
    if question.message:
        parts.append(f"<pre>{escape(question.message)}</pre>")
    if wrong:
        parts.append(text(wrong, kind="wrong"))
    comment = escape(given.get("comment", ""))
    parts.append(
        "<form method=post>"
        f"{fields_html(question, given)}"
        f'<label for="comment">Comment</label><textarea id="comment" name="comment" rows=3>{comment}</textarea>'
        '<button name="decision" value="approved">Approve</button>'
        '<button name="decision" value="rejected">Reject</button></form>'
    )
    if question.due_at is not None:
        parts.append(text(f"Until {question.due_at:%Y-%m-%d %H:%M} UTC.", kind="note"))
    return page(question.title, *parts, status=status)


async def _form(hub: Hub, request: Request) -> Mapping[str, str]:
    body = await read_body(request, limit=min(LARGEST_BODY, hub.settings.max_body_bytes))
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=300)
    except ValueError as exc:
        raise InvalidRequest("the form cannot be read") from exc
    return {name: values[0] for name, values in fields.items()}


routes = [Route("/approvals/{token}", answer, methods=["GET", "HEAD", "POST"], name="approval")]
