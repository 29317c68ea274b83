"""API routes as data: one ``Endpoint`` gives the route, the checks before the handler and the OpenAPI operation.

What a route takes and gives is read from its handler's annotations, so the description cannot differ from the code.
"""

import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFound
from engine.model.access import Scope
from engine.model.base import JsonObject, is_id
from gateway.api import Api
from gateway.auth import Caller
from gateway.bootstrap import Hub
from gateway.edge import guarded
from gateway.inputs import read_object, read_query
from gateway.requests import parse_json, read_body

JSON = "application/json"
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Q = TypeVar("Q", bound=Struct)
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class RawBody:
    """A body that the handler reads itself."""

    data: bytes
    media: str


@dataclass(slots=True)
class Call(Generic[Q, B]):
    """One authenticated, checked request. ``headers`` are added to the answer."""

    api: Api
    caller: Caller
    request: Request
    query: Q
    body: B
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def hub(self) -> Hub:
        return self.api.hub

    async def take_effect(self) -> None:
        """Let this process use at once what the caller has just changed; others notice with their next event."""
        await self.hub.routes.refresh()

    def key(self, name: str) -> str:
        """A part of the path. Raises NotFound: nothing can have that name."""
        value = str(self.request.path_params[name])
        if "\x00" in value or len(value) > 512:
            raise NotFound(f"there is no such {name}")
        return value

    def id(self, name: str) -> str:
        """A part of the path that is an id. Raises NotFound: it has not the form of one."""
        value = self.key(name)
        if not is_id(value):
            raise NotFound(f'there is no {name.replace("_", " ")} "{value[:100]}"')
        return value


Handler = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation.

    Attributes:
        handler: Takes a ``Call[query type, body type]`` and returns a Struct, ``None`` or a ``Response``. The first
            line of its docstring is the summary, the rest the description.
        scope: What the caller's key must allow.
        status: Of the usual answer.
        refusals: Statuses of the problems it may answer with, besides those that follow from its shape.
        media: What the body may be sent as, with the schema of each; only for a ``RawBody``.
        limit_bytes: The largest body, where the setting for all bodies allows more.
        others: Further answers, by status, as OpenAPI response objects.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope
    status: int = 200
    refusals: tuple[int, ...] = ()
    media: Mapping[str, JsonObject] = field(default_factory=dict)
    limit_bytes: int = 4 * 1024 * 1024
    others: Mapping[int, JsonObject] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a handler's annotations say: the types of its query, body and answer (``None``: it has none)."""

    query: type[Struct]
    body: type[Any] | None
    answer: type[Struct] | None
    opaque: bool

    @property
    def body_required(self) -> bool:
        """Whether an empty body is refused."""
        if self.body is None or self.body is RawBody:
            return False
        return any(item.required for item in msgspec.structs.fields(self.body))


def shape_of(handler: Handler) -> Shape:
    """Read a handler's annotations. Raises TypeError: it is not annotated as ``Endpoint`` asks."""
    hints = get_type_hints(handler)
    query, body = get_args(hints["call"])
    answer = hints["return"]
    union = get_origin(answer) in (Union, types.UnionType)
    options = set(get_args(answer)) if union else {answer}
    structs = [option for option in options if isinstance(option, type) and issubclass(option, Struct)]
    if len(structs) > 1:
        raise TypeError(f"{handler.__name__} answers with several types")
    return Shape(
        query=query,
        body=None if body is type(None) else body,
        answer=structs[0] if structs else None,
        opaque=Response in options,
    )


def routes_of(endpoints: Sequence[Endpoint]) -> list[Route]:
    """Make one route per path, so that a wrong method is told all the right ones."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        methods = by_path.setdefault(endpoint.path, {})
        if endpoint.method in methods:
            raise ValueError(f"{endpoint.method} {endpoint.path} is declared twice")
        methods[endpoint.method] = endpoint
    return [Route(path, guarded(_dispatch(methods)), methods=list(methods)) for path, methods in by_path.items()]


def _dispatch(endpoints: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    shapes = {method: shape_of(endpoint.handler) for method, endpoint in endpoints.items()}

    async def dispatch(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        response = await _answer(endpoints[method], shapes[method], request)
        response.headers.update(HEADERS)
        if request.method == "HEAD":
            response.body = b""  # the headers keep the length that GET would have
        return response

    return dispatch


async def _answer(endpoint: Endpoint, shape: Shape, request: Request) -> Response:
    api: Api = request.app.state.api
    caller = await api.keys.authenticate(request.headers)
    caller.require(endpoint.scope)
    query = read_query(request.query_params.multi_items(), shape.query)
    call = Call(api, caller, request, query, await _body(endpoint, shape, request))
    result = await endpoint.handler(call)
    if isinstance(result, Response):
        result.headers.update(call.headers)
        return result
    if result is None:
        return Response(status_code=endpoint.status, headers=call.headers)
    content = msgspec.json.encode(result)
    return Response(content, status_code=endpoint.status, headers=call.headers, media_type=JSON)


async def _body(endpoint: Endpoint, shape: Shape, request: Request) -> Any:
    if shape.body is None:
        return None
    api: Api = request.app.state.api
    data = await read_body(request, limit=min(endpoint.limit_bytes, api.hub.settings.max_body_bytes))
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    known = endpoint.media if shape.body is RawBody else {JSON: {}}
    if data and media and media not in known:
        detail = f"the body's content type is {media[:100]}; send {' or '.join(known)}"
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    if shape.body is RawBody:
        return RawBody(data, media)
    return read_object({} if not data and not shape.body_required else parse_json(data), shape.body)
