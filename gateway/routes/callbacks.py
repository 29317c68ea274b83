"""Callbacks: ``/callbacks/{token}`` resumes the step that the link was made for, once."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.arrivals import Waits, Welcome
from engine.errors import NotFound
from gateway.bootstrap import Hub
from gateway.links import CALLBACK, Target
from gateway.pages import page, text, wants_page
from gateway.requests import parse_body, read_body
from gateway.responses import json_response, problem_response

LARGEST_BODY = 1024 * 1024

TOLD = {
    Welcome.TAKEN: ("Done", "The workflow goes on."),
    Welcome.REPEATED: (
        "Done already",
        "This link was used before: the workflow went on then, nothing changed now.",
    ),
    Welcome.EXPIRED: ("Too late", "The workflow does not wait for this any more."),
    Welcome.OVER: ("Too late", "The execution that waited for this has ended."),
}
"""A title and a sentence for each answer."""


async def answer(request: Request) -> Response:
    """Resume at POST, show a page at GET."""
    return await (resume if request.method == "POST" else look)(request)


async def look(request: Request) -> Response:
    """Show what the link does. Nothing changes: programs that follow links must not resume anything."""
    hub: Hub = request.app.state.hub
    target = _target(hub, request)
    waits = await hub.resuming.arrivals.look(target.execution_id, target.path)
    if waits.welcome is not Welcome.TAKEN:
        return _told(waits.welcome)
    button = "<form method=post><button>Continue</button></form>"
    return page("A workflow waits for you", text("With this it goes on."), button, text(_until(waits), kind="note"))


async def resume(request: Request) -> Response:
    """Resume the step; the body, read as a webhook's is, becomes its output.

    A repeat changes nothing and is told so with 200, so that senders stop trying. 410: nobody waits any more.
    """
    hub: Hub = request.app.state.hub
    target = _target(hub, request)
    body = await read_body(request, limit=min(LARGEST_BODY, hub.settings.max_body_bytes))
    payload = parse_body(body, request.headers.get("content-type", ""))
    welcome = await hub.resuming.arrivals.callback(target.execution_id, target.path, payload, by="callback")
    if wants_page(request):
        return _told(welcome)
    if _status(welcome) != 200:
        return problem_response(410, code="expired", detail=TOLD[welcome][1])
    return json_response({"resumed": welcome is Welcome.TAKEN, "detail": TOLD[welcome][1]})


def _target(hub: Hub, request: Request) -> Target:
    """Raises NotFound: the link is not one of ours; why is not said."""
    target = hub.links.read(CALLBACK, request.path_params["token"])
    if target is None:
        raise NotFound("there is no such link")
    return target


def _told(welcome: Welcome) -> Response:
    title, sentence = TOLD[welcome]
    return page(title, text(sentence), status=_status(welcome))


def _status(welcome: Welcome) -> int:
    return 200 if welcome in (Welcome.TAKEN, Welcome.REPEATED) else 410


def _until(waits: Waits) -> str:
    return "" if waits.until is None else f"The link works until {waits.until:%Y-%m-%d %H:%M} UTC."


routes = [
    Route("/callbacks/{token}", answer, methods=["GET", "HEAD", "POST"], name="callback"),
]
