"""Inbound webhooks: ``/hooks/{address}``, and ``/webhooks/{address}`` as an alias."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute

from engine.errors import DefinitionError, NotFound, VerificationError
from engine.model.base import ExecutionId, JsonObject
from engine.model.event import NewEvent, Receipt
from engine.model.execution import Status
from engine.model.workflow import RespondWhen, WebhookSpec
from engine.routes import Route
from gateway.bootstrap import Hub
from gateway.replies import Reply
from gateway.requests import parse_body, read_body
from gateway.responses import json_response, problem_response
from webhooks.signatures import SignedRequest, Verified

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
HIDDEN_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
"""Headers that prove who the sender is: never stored, never in an expression's scope."""

NO_HOOK = "there is no such hook, or it takes no calls now"


@dataclass(frozen=True, slots=True)
class _Call:
    """One request as it came."""

    request: Request
    address: str
    headers: Mapping[str, str]
    body: bytes


async def receive(request: Request) -> Response:
    """Accept one webhook; by default answer before anything runs.

    A 2xx means stored: the event survives a crash right after the answer. A repeated message gets the first one's ids
    and ``duplicate: true``, so that senders stop retrying.

    Errors: 400 ``invalid_json``, 401 ``invalid_signature``, 404 ``not_found`` (unknown, disabled and archived hooks
    look alike), 405, 413 ``body_too_large``, 503 ``unavailable`` (send it again).
    """
    hub: Hub = request.app.state.hub
    address = request.path_params["address"]
    route = await _route(hub, address)
    spec = _spec(route)
    if request.method not in spec.methods:
        return _wrong_method(spec)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
    limit = min(spec.max_body_bytes, hub.settings.max_body_bytes)
    call = _Call(request, address, headers, await read_body(request, limit=limit))
    # Verify the bytes as they came; parsing first would verify our own re-encoding.
    route, verified = await _verify(hub, route, call)
    spec = _spec(route)
    event = NewEvent(
        trigger_id=route.trigger.id,
        dedupe_key=verified.message_id or (headers.get(spec.dedupe_header.lower()) if spec.dedupe_header else None),
        occurred_at=hub.clock.now(),
        data=parse_body(call.body, headers.get("content-type", "")),
        envelope=_envelope(call, spec),
        reply_to=None if spec.respond is RespondWhen.ACCEPTED else hub.replies.name,
    )
    receipt = await hub.intake.accept(event)
    if spec.respond is RespondWhen.ACCEPTED or receipt.execution_id is None:
        return _accepted(receipt, status=spec.respond_status or 202)
    return await _finished(hub, spec, receipt, receipt.execution_id)


async def _route(hub: Hub, address: str) -> Route:
    route = await hub.routes.by_hook(address)
    if route is None or not route.takes_events or not isinstance(route.definition.spec, WebhookSpec):
        # What is cached may be older than the caller's knowledge: a workflow published a moment ago.
        route = await hub.routes.by_hook(address) if await hub.routes.refresh() else None
    if route is None or not route.takes_events:
        raise NotFound(NO_HOOK)
    return route


def _spec(route: Route) -> WebhookSpec:
    spec = route.definition.spec
    if not isinstance(spec, WebhookSpec):
        raise NotFound(NO_HOOK)
    return spec


async def _verify(hub: Hub, route: Route, call: _Call) -> tuple[Route, Verified]:
    """Check the signature, once more with fresh secrets if they have changed since they were cached."""
    url = f"{hub.settings.public_url}{call.request.url.path}"
    if call.request.url.query:
        url = f"{url}?{call.request.url.query}"
    signed = SignedRequest(method=call.request.method, url=url, headers=call.headers, body=call.body)
    try:
        return route, (await hub.verifiers.get(route)).verify(signed, now=hub.clock.now())
    except (VerificationError, DefinitionError) as exc:
        hub.metrics.refused(route, exc.code)
        if not await hub.routes.refresh():
            raise VerificationError(str(exc)) from exc
    route = await _route(hub, call.address)
    return route, (await hub.verifiers.get(route)).verify(signed, now=hub.clock.now())


def _envelope(call: _Call, spec: WebhookSpec) -> JsonObject:
    request = call.request
    secret_header = str((spec.verify or {}).get("header", "")).lower()
    hidden = HIDDEN_HEADERS | {secret_header}
    envelope: JsonObject = {
        "method": request.method,
        "path": request.url.path,
        "headers": {name: value for name, value in call.headers.items() if name not in hidden},
    }
    if request.scope["query_string"]:
        query = request.query_params
        envelope["query"] = {name: values[0] if len(values := query.getlist(name)) == 1 else values for name in query}
    return envelope


def _accepted(receipt: Receipt, *, status: int) -> Response:
    answer: JsonObject = {"event_id": receipt.event_id, "execution_id": receipt.execution_id, "fate": receipt.fate}
    if receipt.duplicate:
        answer["duplicate"] = True
    return json_response(answer, status=status)


async def _finished(hub: Hub, spec: WebhookSpec, receipt: Receipt, execution_id: ExecutionId) -> Response:
    needs_end = spec.respond is RespondWhen.FINISHED
    reply = await hub.replies.wait(execution_id, seconds=spec.respond_timeout.total_seconds(), needs_end=needs_end)
    if reply is None:
        return _accepted(receipt, status=202)
    if reply.response is not None:
        return _answer(reply.response)
    return _result(reply, status=spec.respond_status or 200)


def _answer(response: JsonObject) -> Response:
    body, headers = response["body"], dict(response["headers"])
    if isinstance(body, str):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        return Response(body, status_code=response["status"], headers=headers)
    content = b"" if body is None else msgspec.json.encode(body)
    headers.setdefault("content-type", "application/json")
    return Response(content, status_code=response["status"], headers=headers)


def _result(reply: Reply, *, status: int) -> Response:
    if reply.status is Status.SUCCEEDED:
        return json_response(reply.output, status=status)
    error = reply.error or {}
    return problem_response(
        500 if reply.status is Status.FAILED else 409,
        code=f"execution_{reply.status.value}",
        detail=str(error.get("message", "")),
        extra={"execution_id": reply.execution_id, "error": reply.error},
    )


def _wrong_method(spec: WebhookSpec) -> Response:
    allowed = ", ".join(spec.methods)
    return problem_response(
        405, code="method_not_allowed", detail=f"this hook takes {allowed}", headers={"allow": allowed}
    )


routes = [
    HttpRoute("/hooks/{address:path}", receive, methods=METHODS, name="hook"),
    HttpRoute("/webhooks/{address:path}", receive, methods=METHODS, name="hook_alias"),
]
