"""What a status means to whoever must decide about trying again. Connectors handle no status codes themselves."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from engine.errors import (
    ConnectionRevoked,
    OutcomeUnknown,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    StepError,
)
from engine.model.action import Effect

MAX_RETRY_AFTER = timedelta(days=1)
"""A server that asks for a longer wait gets this one; nobody means a year."""

EXCERPT = 300
"""Characters of a refusing response that its error message quotes."""

# Nothing was done: the server says that it did not take the request on (RFC 9110, 15.6.4; RFC 6585, 4).
_NOT_TAKEN_ON = (429, 503)


def failure(
    response: httpx.Response,
    *,
    now: datetime,
    expect: Collection[int] | None = None,
    authorised: bool = False,
    effect: Effect = Effect.KEYED,
) -> StepError | None:
    """Return the error that a response stands for, ``None`` if it is a good answer.

    Args:
        expect: The statuses that are good answers; by default those from 200 to 299.
        authorised: A connection's credentials were sent, so 401 is about them.
        effect: After an unrepeatable call, an unclear answer is for a person to look at.
    """
    status = response.status_code
    if status in expect if expect is not None else response.is_success:
        return None
    said = f"{response.request.url.host} answered {status}{_reason(response)}"
    wait = retry_after(response.headers.get("retry-after"), now=now)
    if status == 429:
        return RateLimited(f"{said}; it wants fewer calls", retry_after=wait)
    if status >= 500 or status == 408:
        if effect is Effect.UNREPEATABLE and status not in _NOT_TAKEN_ON:
            return OutcomeUnknown(f"{said}; the call may have happened, and it must not be repeated blindly")
        return RemoteUnavailable(said, retry_after=wait)
    if status == 401 and authorised:
        return ConnectionRevoked(f"{said}; renew the credentials of the connection")
    if response.is_redirect:
        target = response.headers["location"].partition("?")[0]
        return RemoteRejected(f'{said}, a redirect to "{target}"; call that address, or follow redirects')
    return RemoteRejected(f"{said}{_excerpt(response)}")


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """Read a ``Retry-After`` header: seconds, or an HTTP date (RFC 9110, 10.2.3). Nonsense counts as absent."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(max(date - now, timedelta(0)), MAX_RETRY_AFTER)


def _reason(response: httpx.Response) -> str:
    return f" {response.reason_phrase}" if response.reason_phrase else ""


def _excerpt(response: httpx.Response) -> str:
    kind = response.headers.get("content-type", "")
    if not response.content or not ("json" in kind or kind.startswith("text/plain") or "xml" in kind):
        return ""
    text = " ".join(response.content[: 4 * EXCERPT].decode("utf-8", "replace").split())
    return f": {text[:EXCERPT]}" if text else ""
