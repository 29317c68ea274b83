"""What the processes without an API answer: that they are alive, that they are ready, and their metrics."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import Unavailable
from gateway.bootstrap import Hub
from gateway.responses import json_response, problem_response


async def alive(_request: Request) -> Response:
    """Say that the process answers, whatever else is away."""
    return json_response({"status": "ok"})


async def ready(request: Request) -> Response:
    """Say whether the database and the broker are reached."""
    hub: Hub = request.app.state.hub
    try:
        await hub.database.check()
        await hub.broker.check()
    except Unavailable as error:
        return problem_response(503, code=error.code, detail=str(error))
    return json_response({"status": "ready"})


async def metrics(request: Request) -> Response:
    """Return the metrics of this process in Prometheus' text format."""
    hub: Hub = request.app.state.hub
    async with hub.database.read() as uow:
        totals = await uow.executions.totals()
    page = hub.metrics.page(totals, busy=hub.executor.busy if hub.executor else 0)
    return Response(page, media_type="text/plain; version=0.0.4; charset=utf-8")


def create_probes(hub: Hub) -> Starlette:
    """Build the application of an executor or a scheduler."""
    app = Starlette(routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)])
    app.state.hub = hub
    return app
