"""HTTP as an action sees it: addresses relative to its service, the connection's credentials, errors with a meaning.

A session lives for one attempt. It keeps a connector to the hosts it declared, so that a plugin cannot carry a
connection's credentials elsewhere.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec

from connectors.auth import Proof
from connectors.http import HttpClient, check_headers, parse_url
from connectors.statuses import failure
from connectors.transport import SENT
from engine.errors import InvalidInput, OutcomeUnknown, PermanentError, RemoteRejected, RetryableError
from engine.model.action import Effect
from engine.model.base import Json

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a session may go: the service's address, and the hosts (``*.acme.example``, or ``*`` for all)."""

    base_url: str | None = None
    hosts: tuple[str, ...] = ()

    def permits(self, host: str) -> bool:
        """Say whether calls to ``host`` are declared."""
        name = host.lower().rstrip(".")
        if self.base_url is not None and name == httpx.URL(self.base_url).host.lower():
            return True
        return any(
            pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
            for pattern in map(str.lower, self.hosts)
        )


@dataclass(slots=True)
class Http:
    """The HTTP client of one attempt at an action.

    ``get``, ``post``, ``put``, ``patch`` and ``delete`` return the parsed JSON answer (``None`` for an empty one);
    ``request`` returns the whole response. All raise the error that fits the status, so actions look at none.
    """

    client: HttpClient
    reach: Reach
    effect: Effect
    timeout: timedelta
    now: Callable[[], datetime]
    proof: Proof = field(default_factory=Proof)
    authorised: bool = False
    sent: bool = False

    async def get(self, url: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None) -> Json:
        return json_of(await self.request("GET", url, params=params, headers=headers))

    async def post(
        self,
        url: str,
        *,
        json: Json = None,
        data: Mapping[str, Any] | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        return json_of(await self.request("POST", url, json=json, data=data, params=params, headers=headers))

    async def put(self, url: str, *, json: Json = None, headers: Mapping[str, str] | None = None) -> Json:
        return json_of(await self.request("PUT", url, json=json, headers=headers))

    async def patch(self, url: str, *, json: Json = None, headers: Mapping[str, str] | None = None) -> Json:
        return json_of(await self.request("PATCH", url, json=json, headers=headers))

    async def delete(self, url: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None) -> Json:
        return json_of(await self.request("DELETE", url, params=params, headers=headers))

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        json: Json = None,
        data: Mapping[str, Any] | None = None,
        files: Sequence[tuple[str, tuple[str | None, bytes, str | None]]] | None = None,
        content: bytes | None = None,
        expect: Collection[int] | None = None,
        timeout: timedelta | None = None,
        follow_redirects: bool = False,
    ) -> httpx.Response:
        """Send one request and return the response.

        Args:
            url: Whole, or relative to the connector's base URL.
            json, data, files, content: The body: JSON, form fields, parts of a multipart form, or bytes.
            expect: Statuses that are good answers; by default those from 200 to 299.
            timeout: For this request; never longer than the attempt.

        Raises:
            InvalidInput: The request is malformed; nothing was sent.
            PermanentError: The host is not declared, or its address may not be called; nothing was sent.
            RetryableError: See ``connectors.statuses`` and ``connectors.transport``.
            OutcomeUnknown: An unrepeatable call was sent, and no clear answer came.
        """
        given = dict(headers or {})
        check_headers(given)
        request = self._build(method, url, params, given, json=json, data=data, files=files, content=content)
        limit = min(timeout or self.timeout, self.timeout)
        response = await self._send(request, timeout=limit, follow_redirects=follow_redirects)
        error = failure(response, now=self.now(), expect=expect, authorised=self.authorised, effect=self.effect)
        if error is not None:
            raise error
        return response

    async def _send(self, request: httpx.Request, *, timeout: timedelta, follow_redirects: bool) -> httpx.Response:
        try:
            return await self.client.send(
                request,
                timeout=timeout,
                follow_redirects=follow_redirects,
                secret_headers=[name.lower() for name in self.proof.headers],
                permit=self._permit,
            )
        except RetryableError as exc:
            if self.effect is Effect.UNREPEATABLE and request.extensions.get(SENT):
                raise OutcomeUnknown(f"{exc}; the call may have happened, and it must not be repeated blindly") from exc
            raise
        finally:
            self.sent = self.sent or SENT in request.extensions

    def _build(
        self, method: str, url: str, params: Params | None, headers: dict[str, str], *, json: Json, **body: Any
    ) -> httpx.Request:
        target = parse_url(self._absolute(url))
        pairs = [*(params.items() if isinstance(params, Mapping) else params or ()), *self.proof.query.items()]
        kind: dict[str, str] = {}
        try:
            if json is not None:
                body["content"] = msgspec.json.encode(json)
                kind = {"Content-Type": "application/json"}
            if pairs:
                target = target.copy_merge_params(_flat(pairs))
            together = _merged(kind, headers, self.proof.headers)
            return httpx.Request(method.upper(), target, headers=together, **body)
        except (UnicodeEncodeError, TypeError, ValueError, httpx.InvalidURL) as exc:
            raise InvalidInput(f"the request cannot be written as HTTP: {exc}") from exc

    def _absolute(self, url: str) -> str:
        if self.reach.base_url is None or "://" in url.partition("?")[0]:
            return url
        return f"{self.reach.base_url.rstrip('/')}/{url.lstrip('/')}"

    def _permit(self, url: httpx.URL) -> None:
        if not self.reach.permits(url.host):
            raise PermanentError(
                f'the connector or connection does not declare the host "{url.host}"; nothing was sent'
            )


def json_of(response: httpx.Response) -> Json:
    """Return the JSON that a response holds, ``None`` if it is empty.

    Raises:
        RemoteRejected: It holds something else.
    """
    if not response.content:
        return None
    try:
        return msgspec.json.decode(response.content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        host = response.request.url.host
        raise RemoteRejected(f"{host} answered {response.status_code} with something that is not JSON") from exc


def _flat(pairs: Sequence[tuple[str, Any]]) -> httpx.QueryParams:
    """Return query parameters: a list repeats its name, ``None`` is left out, booleans are written as JSON does."""
    flat: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in pairs:
        flat += [(name, one) for one in (value if isinstance(value, list | tuple) else [value]) if one is not None]
    return httpx.QueryParams(flat)


def _merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """Return headers together; a later layer replaces an earlier one's, however the name is written."""
    named = {name.lower(): (name, value) for layer in layers for name, value in layer.items()}
    return dict(named.values())
