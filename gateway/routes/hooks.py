"""Inbound webhooks: ``/hooks/{address}``, and ``/webhooks/{address}`` as an alias."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute

from engine.errors import Conflict, DefinitionError, NotFound, VerificationError
from engine.model.base import ExecutionId, JsonObject
from engine.model.event import Fate, NewEvent, Receipt
from engine.model.workflow import RespondWhen, WebhookSpec
from engine.routes import Route
from gateway.bootstrap import Hub
from gateway.requests import parse_body, read_body
from gateway.responses import json_response, problem_response
from gateway.results import result_response
from webhooks.signatures import SignedRequest, Verified

log = logging.getLogger(__name__)

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
    look alike), 405, 409 ``conflict`` (paused, and told to reject), 413 ``body_too_large``, 503 ``unavailable`` (send
    it again).
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
    if receipt.fate is Fate.REJECTED and not receipt.duplicate:
        raise _refusal(await _route(hub, address))
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
        return route, await _verified(hub, route, signed)
    except VerificationError as exc:
        hub.metrics.refused(route, exc.code)
        if not await hub.routes.refresh():
            raise
    route = await _route(hub, call.address)
    return route, await _verified(hub, route, signed)


async def _verified(hub: Hub, route: Route, signed: SignedRequest) -> Verified:
    try:
        return (await hub.verifiers.get(route)).verify(signed, now=hub.clock.now())
    except DefinitionError as exc:
        log.warning("hook cannot verify", extra={"trigger_id": route.trigger.id, "reason": str(exc)})
        raise VerificationError("this hook cannot verify calls now; its owner must look") from exc


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


def _refusal(route: Route) -> Conflict:
    """Say why an event was stored as rejected; a trigger that closed a moment ago has raised NotFound before this."""
    return Conflict(f'the workflow "{route.workflow_name}" is paused and takes no events now')


def _accepted(receipt: Receipt, *, status: int) -> Response:
    answer: JsonObject = {"event_id": receipt.event_id, "execution_id": receipt.execution_id, "fate": receipt.fate}
    if receipt.duplicate:
        answer["duplicate"] = True
    return json_response(answer, status=status)


async def _finished(hub: Hub, spec: WebhookSpec, receipt: Receipt, execution_id: ExecutionId) -> Response:
    needs_end = spec.respond is RespondWhen.FINISHED
    reply = await hub.replies.wait(
        execution_id, seconds=spec.respond_timeout.total_seconds(), needs_end=needs_end, look_first=receipt.duplicate
    )
    if reply is None:
        return _accepted(receipt, status=202)
    return result_response(reply, status=spec.respond_status or 200)


def _wrong_method(spec: WebhookSpec) -> Response:
    allowed = ", ".join(spec.methods)
    return problem_response(
        405, code="method_not_allowed", detail=f"this hook takes {allowed}", headers={"allow": allowed}
    )


routes = [
    HttpRoute("/hooks/{address:path}", receive, methods=METHODS, name="hook"),
    HttpRoute("/webhooks/{address:path}", receive, methods=METHODS, name="hook_alias"),
]
