"""The answer to a caller who waited for an execution: what its respond node said, else its output or its failure."""

import msgspec
from starlette.responses import Response

from engine.model.base import JsonObject
from engine.model.execution import Status
from gateway.replies import Reply
from gateway.responses import json_response, problem_response


def result_response(reply: Reply, *, status: int) -> Response:
    """Answer with ``status`` if the execution succeeded; a failed one is 500, a cancelled one 409."""
    if reply.response is not None:
        return _said(reply.response)
    if reply.status is Status.SUCCEEDED:
        return json_response(reply.output, status=status)
    error = reply.error or {}
    return problem_response(
        500 if reply.status is Status.FAILED else 409,
        code=f"execution_{reply.status.value}",
        detail=str(error.get("message", "")),
        extra={"execution_id": reply.execution_id, "error": reply.error},
    )


def _said(response: JsonObject) -> Response:
    body, headers = response["body"], dict(response["headers"])
    if isinstance(body, str):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        return Response(body, status_code=response["status"], headers=headers)
    content = b"" if body is None else msgspec.json.encode(body)
    headers.setdefault("content-type", "application/json")
    return Response(content, status_code=response["status"], headers=headers)
