"""Every error of ours as an answer: one table from class to status, one handler for the whole application."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import (
    BodyTooLarge,
    Conflict,
    DefinitionError,
    Forbidden,
    InvalidDefinition,
    InvalidRequest,
    NotFound,
    PatchbayError,
    Problem,
    RequestError,
    StepError,
    Unauthenticated,
    Unavailable,
    VerificationError,
)
from engine.model.base import JsonObject
from gateway.responses import problem_response

log = logging.getLogger(__name__)

STATUS: tuple[tuple[type[PatchbayError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (BodyTooLarge, 413),
    (InvalidRequest, 400),
    (Forbidden, 403),
    (Unauthenticated, 401),
    (VerificationError, 401),
    (RequestError, 400),
    (Unavailable, 503),
    (DefinitionError, 422),
    (StepError, 422),
)
"""The first row whose class fits decides."""

HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 415: "unsupported_media_type"}


def status_of(kind: type[PatchbayError]) -> int:
    """The status of an error's answer; 500 for one that should never have come this far."""
    return next((status for known, status in STATUS if issubclass(kind, known)), 500)


async def on_patchbay_error(request: Request, error: Exception) -> Response:
    """Answer with the error's own code. 5xx are logged, with what the caller is not told."""
    if not isinstance(error, PatchbayError):
        return await on_crash(request, error)
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if status == 503:
        headers["retry-after"] = "1"
        log.warning("answered 503", extra={"path": request.url.path, "reason": str(error)})
    if status == 401 and not isinstance(error, VerificationError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, InvalidDefinition | InvalidRequest) and error.problems:
        detail = f"{len(error.problems)} problems" if len(error.problems) > 1 else str(error.problems[0])
        problems = [_shown(problem) for problem in error.problems]
        return problem_response(status, code=error.code, detail=detail, headers=headers, extra={"problems": problems})
    return problem_response(status, code=error.code, detail=str(error), headers=headers)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths and methods."""
    if not isinstance(error, HTTPException):
        return await on_crash(request, error)
    code = HTTP_CODES.get(error.status_code, "invalid_request")
    detail = str(error.detail)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        path = request.url.path
        detail = f"there is nothing at {path}" + ("; leave out the slash at its end" if path.endswith("/") else "")
    if error.status_code == 405:
        allowed = ", ".join(sorted((headers.get("Allow") or "").replace(" ", "").split(",")))
        headers = {"allow": allowed}
        detail = f"this takes {allowed}, not {request.method}"
    return problem_response(error.status_code, code=code, detail=detail, headers=headers)


async def on_crash(request: Request, error: Exception) -> Response:
    """A defect of ours: logged with its traceback, told without it."""
    log.error("request crashed", extra={"path": request.url.path}, exc_info=error)
    return problem_response(500, code="internal_error", detail="the hub failed; its log says why")


def _shown(problem: Problem) -> JsonObject:
    shown: JsonObject = {"place": problem.place, "message": problem.message}
    for name, value in (("line", problem.line), ("column", problem.column), ("fix", problem.fix)):
        if value is not None:
            shown[name] = value
    return shown
