"""The API's own description, and a page to browse it. Both hold nothing of this hub's, so they need no key."""

from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.edge import guarded
from gateway.endpoints import JSON, Handler
from gateway.openapi import describe_api
from gateway.routes.api import ENDPOINTS

STATIC = Path(__file__).parent.parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
FILES = {"": ("api.html", "text/html"), "/api.css": ("api.css", "text/css"), "/api.js": ("api.js", "text/javascript")}


async def to_docs(_request: Request) -> Response:
    """Send whoever opens the bare address to something to read."""
    return RedirectResponse("/api/docs")


def docs_routes() -> list[BaseRoute]:
    """The description and the files of its page, read and built once."""
    description = msgspec.json.encode(describe_api(ENDPOINTS))
    files = {f"/docs{path}": _file(name, media) for path, (name, media) in FILES.items()}
    files["/openapi.json"] = _content(description, JSON)
    return [Route(path, guarded(handler), methods=["GET"]) for path, handler in files.items()]


def _file(name: str, media: str) -> Handler:
    return _content((STATIC / name).read_bytes(), media)


def _content(content: bytes, media: str) -> Handler:
    async def answer(_request: Request) -> Response:
        return Response(content, media_type=media, headers=PAGE_HEADERS)

    return answer
