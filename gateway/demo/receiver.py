"""The other side of the demo: a tiny HTTP server that takes orders, and has a hiccup at the first call."""

from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.model.base import Json


@dataclass(slots=True)
class Receiver:
    """Remembers what it was sent. The first call is answered 503, so that a retry can be seen."""

    orders: list[Json] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(routes=[Route("/orders", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        self.keys.append(request.headers.get("idempotency-key", ""))
        if len(self.keys) == 1:
            return JSONResponse({"error": "busy"}, status_code=503)
        self.orders.append(await request.json())
        return JSONResponse({"taken": len(self.orders)})
