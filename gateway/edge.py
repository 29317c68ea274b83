"""The last resort of a request: whatever a handler raises becomes an answer, here and nowhere else.

Starlette would answer as well, and then raise the error again for the server to log a second time.
"""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import PatchbayError
from gateway.problems import on_crash, on_http_exception, on_patchbay_error

Handler = Callable[[Request], Awaitable[Response]]


def guarded(handler: Handler) -> Handler:
    """Wrap a handler so that it never raises, cancellation aside."""

    async def run(request: Request) -> Response:
        try:
            return await handler(request)
        except PatchbayError as exc:
            return await on_patchbay_error(request, exc)
        except HTTPException as exc:
            return await on_http_exception(request, exc)
        except Exception as exc:  # noqa: BLE001  the HTTP edge: a defect is logged once, with its traceback
            return await on_crash(request, exc)

    return run
