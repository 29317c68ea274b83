"""The ASGI application: which routes there are, and the handlers that turn errors into answers."""

from time import perf_counter

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router

from gateway.api import open_api
from gateway.bootstrap import Hub
from gateway.edge import Handler, guarded
from gateway.endpoints import routes_of
from gateway.observability import Metrics
from gateway.problems import on_crash, on_http_exception
from gateway.routes import approval_pages, callbacks, health, hooks
from gateway.routes.api import ENDPOINTS
from gateway.routes.docs import docs_routes, to_docs


def create_app(hub: Hub) -> Starlette:
    """Build the application for an open hub."""
    # A redirect to another spelling would be built from the Host header, which is the caller's to choose.
    endpoints = [_counted(route, hub.metrics) for route in routes_of(ENDPOINTS)]
    api = Router([*endpoints, *docs_routes()], redirect_slashes=False)
    app = Starlette(
        routes=[
            *(_hook(route, hub.metrics) for route in hooks.routes),
            *(_counted(route, hub.metrics, area="link") for route in [*callbacks.routes, *approval_pages.routes]),
            Mount("/api/v1", api),
            Mount("/api", api),
            *health.routes,
            Route("/", to_docs, methods=["GET"]),
        ],
        exception_handlers={HTTPException: on_http_exception, Exception: on_crash},
    )
    app.router.redirect_slashes = False
    app.state.hub = hub
    app.state.api = open_api(hub)
    return app


def _hook(route: Route, metrics: Metrics) -> BaseRoute:
    """The same route, guarded, with its answers counted and timed."""
    handler: Handler = guarded(route.endpoint)

    async def measured(request: Request) -> Response:
        began = perf_counter()
        response = await handler(request)
        metrics.answered("hook", response.status_code, seconds=perf_counter() - began)
        return response

    return Route(route.path, measured, methods=list(route.methods or ()), name=route.name)


def _counted(route: Route, metrics: Metrics, *, area: str = "api") -> BaseRoute:
    """The same route, with its answers counted."""
    handler: Handler = route.endpoint if area == "api" else guarded(route.endpoint)

    async def counted(request: Request) -> Response:
        response = await handler(request)
        metrics.answered(area, response.status_code)
        return response

    return Route(route.path, counted, methods=list(route.methods or ()))
