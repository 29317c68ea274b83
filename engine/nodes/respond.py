"""Respond nodes: answer the caller who waits for this execution."""

from engine.errors import InvalidInput
from engine.model.base import Json
from engine.model.execution import Response
from engine.model.outcome import Succeeded
from engine.nodes.base import Attempt

LOWEST, HIGHEST = 200, 599


def run(attempt: Attempt) -> Succeeded:
    """Render status, headers and body. The first answer of an execution counts; nobody waiting is no error.

    Raises:
        InvalidInput: The status is not a number from 200 to 599, or a header cannot be sent.
    """
    node = attempt.node
    strict = node.node.strict
    status = node.templates["status"].render(attempt.scope, strict=strict)
    headers = node.templates["headers"].render(attempt.scope, strict=strict)
    body = node.templates["body"].render(attempt.scope, strict=strict)
    response = Response(status=_status(status), headers=_headers(headers), body=body)
    return Succeeded(
        output={"status": response.status, "headers": dict(response.headers), "body": body}, response=response
    )


def _status(value: Json) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and LOWEST <= value <= HIGHEST:
        return value
    raise InvalidInput(f'the status "{value}" is not a number from {LOWEST} to {HIGHEST}')


def _headers(value: Json) -> dict[str, str]:
    headers = {str(name): str(text) for name, text in (value or {}).items()}
    for name, text in headers.items():
        printable = name.isascii() and text.isascii() and (name + text).isprintable()
        if not printable or not name.replace("-", "").replace("_", "").isalnum():
            raise InvalidInput(f'the header "{name}" has a name or value that HTTP cannot carry')
    return headers
