"""Read request bodies: bounded, and parsed once, after their bytes were verified."""

import base64
from collections.abc import Iterable
from urllib.parse import parse_qs

import msgspec
from starlette.requests import ClientDisconnect, Request

from engine.errors import BodyTooLarge, InvalidJson, InvalidRequest
from engine.model.base import Json

FORM = "application/x-www-form-urlencoded"

MAX_DEPTH = 200
"""How deep JSON may be nested: what is read here is read again where the stack is deeper already."""
TOO_DEEP = f"the body is nested more than {MAX_DEPTH} deep"


async def read_body(request: Request, *, limit: int) -> bytes:
    """Return the body.

    Raises:
        BodyTooLarge: It has more than ``limit`` bytes; at most that many were read.
        InvalidRequest: The client went away before it had sent all of it.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge(f"the body has {declared} bytes; the limit is {limit}")
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(f"the body has more than {limit} bytes, which is the limit")
            chunks.append(chunk)
    except ClientDisconnect as exc:
        raise InvalidRequest("the client went away before the body was complete") from exc
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def parse_body(body: bytes, content_type: str) -> Json:
    """Return what a body means: JSON, a form as a mapping, text, or ``{base64, content_type}``; ``None`` if empty.

    Without a content type it is taken as JSON. A form's field that is given several times becomes a list.

    Raises:
        InvalidJson: It should be JSON and is not; the message says where.
        InvalidRequest: It should be text and has bytes that are not UTF-8.
    """
    if not body:
        return None
    media = content_type.partition(";")[0].strip().lower()
    if media in ("", "application/json", "text/json") or media.endswith("+json"):
        return parse_json(body)
    if media == FORM:
        fields = parse_qs(_text(body), keep_blank_values=True, max_num_fields=1000)
        return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    if media.startswith("text/") or media.endswith(("/xml", "+xml")):
        return _text(body)
    return {"base64": base64.b64encode(body).decode("ascii"), "content_type": media}


def parse_json(body: bytes) -> Json:
    """Raises InvalidJson: with the position of the first byte that is wrong."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidJson(f"the body is not valid JSON: {exc}") from exc
    except RecursionError as exc:
        raise InvalidJson(TOO_DEEP) from exc
    # Most bodies have fewer brackets than that in all, and counting them costs next to nothing.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise InvalidJson(TOO_DEEP)
    return value


def _is_deeper(value: Json, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _entries(outer)]
        if not level:
            return False
    return any(isinstance(inner, dict | list) for inner in level)


def _entries(outer: dict[str, Json] | list[Json]) -> Iterable[Json]:
    return outer.values() if isinstance(outer, dict) else outer


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"the body is not UTF-8 text: byte {exc.start} is wrong") from exc
