"""Answers: JSON, and problem documents (RFC 9457) whose ``code`` is stable."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from engine.model.base import Json, JsonObject

PROBLEM = "application/problem+json"


def json_response(value: Json, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    content = msgspec.json.encode(value)
    return Response(content, status_code=status, headers=headers, media_type="application/json")


def problem_response(
    status: int,
    *,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    extra: JsonObject | None = None,
) -> Response:
    """A problem document. ``title`` follows from the status; ``detail`` is for people and may change."""
    problem: dict[str, Any] = {
        "type": f"urn:patchbay:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **(extra or {}),
    }
    return Response(msgspec.json.encode(problem), status_code=status, headers=headers, media_type=PROBLEM)
