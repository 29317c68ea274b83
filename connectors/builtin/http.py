"""``http.request``: any HTTP call, for services without a connector of their own."""

import base64
import binascii
from collections.abc import Mapping as MappingType
from datetime import timedelta
from typing import Any

import httpx

from connectors.builtin.http_pages import PAGING, collect_pages
from connectors.sdk import (
    ActionContext,
    AnyJson,
    BasicAuth,
    BearerAuth,
    Boolean,
    Choice,
    Connector,
    CustomAuth,
    Duration,
    Effect,
    Integer,
    InvalidInput,
    Json,
    JsonObject,
    List,
    Mapping,
    Object,
    OneOfAuth,
    RemoteRejected,
    Secret,
    Text,
    json_of,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
KEYED_METHODS = ("POST", "PATCH")
BODIES = ("json", "form", "multipart", "text", "binary")

_TEXTUAL = ("text/", "application/xml", "application/javascript", "application/x-www-form-urlencoded")

connector = Connector(
    key="http",
    label="HTTP",
    description="Calls any HTTP address that the hub may reach.",
    auth=OneOfAuth(
        optional=True,
        kinds={
            "bearer": BearerAuth(),
            "basic": BasicAuth(),
            "header": CustomAuth(
                custom={"name": Text(label="Header name", min_length=1), "value": Secret(label="Header value")},
                headers={"{name}": "{value}"},
            ),
            "query": CustomAuth(
                custom={"name": Text(label="Parameter name", min_length=1), "value": Secret(label="Parameter value")},
                query={"{name}": "{value}"},
            ),
        },
    ),
    hosts=("*",),
    config={
        "base_url": Text(label="Base URL", description="Where relative addresses begin.", default=None),
        "hosts": List(
            label="Hosts",
            description="The only hosts that get these credentials, such as api.acme.example or *.acme.example.",
            of=Text(label="Host"),
            default=None,
        ),
    },
)

_PART = Object(
    label="Part",
    fields={
        "name": Text(label="Field name", min_length=1),
        "value": Text(label="Text value", default=None),
        "content": Text(label="File content", description="In base64.", default=None),
        "filename": Text(label="File name", default=None),
        "content_type": Text(label="Content type", default=None),
    },
)


def request_effect(inputs: MappingType[str, Any]) -> Effect:
    """Return what a request does when it is repeated (RFC 9110, 9.2.2), unless its author knows better."""
    if inputs["unrepeatable"]:
        return Effect.UNREPEATABLE
    return Effect.KEYED if inputs["method"] in KEYED_METHODS else Effect.IDEMPOTENT


@connector.action(
    label="Send a request",
    effect=request_effect,
    inputs={
        "method": Choice(label="Method", options=METHODS, default="GET"),
        "url": Text(label="URL", description="Whole, or relative to the connection's base URL.", min_length=1),
        "query": Mapping(
            label="Query", description="A list repeats its name.", of=AnyJson(label="Value"), default=None
        ),
        "headers": Mapping(label="Headers", of=Text(label="Value"), default=None),
        "json": AnyJson(label="JSON body", default=None),
        "form": Mapping(label="Form body", of=AnyJson(label="Value"), default=None),
        "multipart": List(label="Multipart body", of=_PART, default=None),
        "text": Text(label="Text body", multiline=True, default=None, max_length=50_000_000),
        "binary": Text(label="Binary body", description="In base64.", default=None, max_length=70_000_000),
        "content_type": Text(label="Content type", description="Of a text or binary body.", default=None),
        "follow_redirects": Boolean(label="Follow redirects", default=False),
        "expect": List(
            label="Good statuses",
            description="Any other is an error. By default 200 to 299.",
            of=Integer(label="Status", minimum=100, maximum=599),
            default=None,
        ),
        "timeout": Duration(label="Timeout", minimum=timedelta(milliseconds=1), default=None),
        "paginate": PAGING,
        "idempotency_header": Text(
            label="Idempotency header",
            description="Carries the key that makes a repeated POST or PATCH harmless. Empty: none is sent.",
            default="Idempotency-Key",
        ),
        "unrepeatable": Boolean(
            label="Unrepeatable",
            description="A repeat would happen twice, so an unclear outcome is for a person to decide.",
            default=False,
        ),
    },
)
async def request(ctx: ActionContext, **inputs: Any) -> JsonObject:
    """Send one HTTP request, or one per page, and return ``status``, ``headers`` and ``body``.

    The body is parsed JSON where the response says that it is JSON, text where it is text, and otherwise
    ``{base64, content_type}``. With ``paginate`` it is the list of the items of all pages.
    """
    method, paging = inputs["method"], inputs["paginate"]
    headers = dict(inputs["headers"] or {})
    key_header = inputs["idempotency_header"]
    if method in KEYED_METHODS and key_header and key_header.lower() not in map(str.lower, headers):
        headers[key_header] = ctx.idempotency_key
    body = _body({name: inputs[name] for name in BODIES if inputs[name] is not None}, inputs["content_type"], headers)

    async def send(url: str, params: MappingType[str, Any]) -> httpx.Response:
        return await ctx.http.request(
            method,
            url,
            params=params,
            headers=headers,
            expect=inputs["expect"],
            timeout=inputs["timeout"],
            follow_redirects=inputs["follow_redirects"],
            **body,
        )

    if paging is None:
        response = await send(inputs["url"], inputs["query"] or {})
        return {**_outline(response), "body": _parsed(response)}
    if method != "GET":
        raise InvalidInput('input "paginate" works with the method GET only; leave it out')
    pages = await collect_pages(send, inputs["url"], inputs["query"] or {}, paging=paging)
    return {**_outline(pages.last), "body": pages.items, "pages": pages.count, "truncated": pages.truncated}


def _body(given: MappingType[str, Any], content_type: str | None, headers: dict[str, str]) -> dict[str, Any]:
    """Return the body as the HTTP client takes it; ``headers`` gets its content type."""
    if len(given) > 1:
        raise InvalidInput(f"the inputs {', '.join(given)} exclude each other; give one of {', '.join(BODIES)}")
    if "json" in given:
        return {"json": given["json"]}
    if "form" in given:
        return {"data": given["form"]}
    if "multipart" in given:
        return {"files": [_part(part) for part in given["multipart"]]}
    if "text" in given:
        _describe(headers, content_type or "text/plain; charset=utf-8")
        return {"content": given["text"].encode(errors="replace")}
    if "binary" in given:
        _describe(headers, content_type or "application/octet-stream")
        return {"content": _decoded(given["binary"], "binary")}
    return {}


def _describe(headers: dict[str, str], content_type: str) -> None:
    if "content-type" not in map(str.lower, headers):
        headers["Content-Type"] = content_type


def _part(part: MappingType[str, Any]) -> tuple[str, tuple[str | None, bytes, str | None]]:
    if (part["value"] is None) == (part["content"] is None):
        raise InvalidInput(f'the part "{part["name"]}" of input "multipart" needs either value or content')
    content = (
        part["value"].encode(errors="replace") if part["content"] is None else _decoded(part["content"], "multipart")
    )
    return part["name"], (part["filename"], content, part["content_type"])


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidInput(f'input "{name}" is not base64; encode it, for example with the filter b64encode') from exc


def _outline(response: httpx.Response) -> JsonObject:
    return {"status": response.status_code, "headers": dict(response.headers.items())}


def _parsed(response: httpx.Response) -> Json:
    if not response.content:
        return None
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json_of(response)
        except RemoteRejected:
            return response.text
    if kind.startswith(_TEXTUAL) or kind.endswith("+xml") or response.charset_encoding is not None:
        return response.text
    return {"base64": base64.b64encode(response.content).decode(), "content_type": kind or None}
