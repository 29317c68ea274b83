"""The ASGI application: routes and the handlers that turn errors into answers."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from engine.errors import PatchbayError
from gateway.bootstrap import Hub
from gateway.problems import on_crash, on_http_exception, on_patchbay_error
from gateway.routes import hooks


def create_app(hub: Hub) -> Starlette:
    """Build the application for an open hub."""
    app = Starlette(
        routes=[*hooks.routes],
        exception_handlers={
            PatchbayError: on_patchbay_error,
            HTTPException: on_http_exception,
            Exception: on_crash,
        },
    )
    app.state.hub = hub
    return app
