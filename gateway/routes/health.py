"""For machines that watch: whether the process lives, whether it can work, and its metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import Unavailable
from engine.model.access import Scope
from gateway.api import Api
from gateway.edge import guarded
from gateway.responses import json_response, problem_response

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0


async def alive(_request: Request) -> Response:
    """The process answers. Nothing else is asked, so that a database that is away gets no process killed."""
    return json_response({"status": "ok"})


async def ready(request: Request) -> Response:
    """200 while database and broker answer, else 503. It needs no key, so the reasons are only in the log."""
    hub = request.app.state.api.hub
    parts = {"database": hub.database.check, "broker": hub.broker.check}
    states = await asyncio.gather(*(_state(name, check) for name, check in parts.items()))
    checks = dict(zip(parts, states, strict=True))
    if all(state == "ok" for state in states):
        return json_response({"status": "ready", "checks": checks})
    away = " and ".join(name for name, state in checks.items() if state != "ok")
    return problem_response(
        503, code="not_ready", detail=f"away: {away}", headers={"retry-after": "1"}, extra={"checks": checks}
    )


async def metrics(request: Request) -> Response:
    """Prometheus' text format. It tells how much is going on, so it needs a key that may read."""
    api: Api = request.app.state.api
    (await api.keys.authenticate(request.headers)).require(Scope.READ)
    reading = await api.readings.get()
    busy = api.hub.executor.busy if api.hub.executor is not None else 0
    page = api.hub.metrics.page(reading.totals, busy=busy, reading=reading)
    return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _state(name: str, check: Callable[[], Awaitable[None]]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except (Unavailable, TimeoutError) as exc:
        log.warning("not ready", extra={"part": name, "reason": str(exc) or f"no answer within {CHECK_SECONDS:g} s"})
        return "away"
    return "ok"


routes = [
    Route("/healthz", guarded(alive), methods=["GET"]),
    Route("/readyz", guarded(ready), methods=["GET"]),
    Route("/metrics", guarded(metrics), methods=["GET"]),
]
