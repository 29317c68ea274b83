"""A running hub as commands see it: its HTTP API, with errors that say what to do."""

import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

import httpx

from engine.errors import ConfigurationError, PatchbayError, Unavailable
from engine.model.base import Json, JsonObject
from gateway.settings import PREFIX

DEFAULT_URL = "http://127.0.0.1:8400"
ANSWER_SECONDS = 60.0
PAGE = 200


class Refused(PatchbayError):
    """The hub answered with a problem. ``status`` is HTTP's, ``problem`` the whole answer."""

    code = "refused"

    def __init__(self, message: str, *, status: int, problem: JsonObject) -> None:
        super().__init__(message)
        self.status = status
        self.problem = problem


class HubClient:
    """Calls ``/api/v1`` of one hub. Use it as a context manager; its methods raise ``Refused`` and ``Unavailable``."""

    def __init__(self, url: str, key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"authorization": f"Bearer {key}", "user-agent": "patchbay-cli"},
            timeout=ANSWER_SECONDS,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, Json] | None = None) -> Json:
        """Return the answer to a GET; parameters that are ``None`` or empty are left out."""
        return self._call("GET", path, params={name: value for name, value in (params or {}).items() if value})

    def post(self, path: str, body: Json = None, *, params: Mapping[str, str] | None = None) -> Json:
        """Send JSON, or nothing if ``body`` is ``None``."""
        return self._call("POST", path, params=params, json=body)

    def put(self, path: str, body: Json) -> Json:
        return self._call("PUT", path, json=body)

    def delete(self, path: str) -> Json:
        return self._call("DELETE", path)

    def send_text(self, method: str, path: str, text: str) -> Json:
        """Send a definition as its author wrote it, YAML or JSON."""
        return self._call(method, path, content=text.encode(), headers={"content-type": "text/plain"})

    def pages(self, path: str, params: Mapping[str, Json], *, limit: int) -> Iterator[JsonObject]:
        """Yield up to ``limit`` entries of a list, reading page after page."""
        after: str | None = None
        while limit > 0:
            page = self.get(path, {**params, "limit": min(limit, PAGE), "after": after})
            yield from page["items"][:limit]
            limit -= len(page["items"])
            after = page.get("next")
            if after is None or not page["items"]:
                return

    def _call(self, method: str, path: str, **request: Json) -> Json:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.InvalidURL as error:
            raise ConfigurationError(f'PATCHBAY_URL="{self.url}" cannot be read: {error}') from error
        except httpx.TransportError as error:
            raise Unavailable(
                f"no hub answers at {self.url} ({error}); start one with `patchbay serve`, or set PATCHBAY_URL"
            ) from error
        if not answer.is_success:
            raise self._refusal(answer)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise self._no_hub(answer) from error

    def _refusal(self, answer: httpx.Response) -> PatchbayError:
        try:
            problem = answer.json()
        except ValueError:
            problem = None
        if not isinstance(problem, dict) or "detail" not in problem:
            return self._no_hub(answer)
        message = str(problem["detail"])
        if answer.status_code == 401:
            message = f"{message}; {HOW_TO_GET_A_KEY}"
        lines = [_problem_line(entry) for entry in problem.get("problems", ())]
        if len(lines) > 1:
            message = "\n".join((message, *lines))
        return Refused(message, status=answer.status_code, problem=problem)

    def _no_hub(self, answer: httpx.Response) -> Unavailable:
        return Unavailable(
            f"{self.url} answered {answer.status_code}, which is no answer of a hub; correct PATCHBAY_URL"
        )


HOW_TO_GET_A_KEY = (
    "set PATCHBAY_API_KEY to the key that `patchbay serve` printed at its first start, "
    "or make one beside the hub's database: patchbay keys create my-laptop --local"
)


def connect(variables: Mapping[str, str] | None = None) -> HubClient:
    """Return a client for the hub at ``PATCHBAY_URL``, with the key in ``PATCHBAY_API_KEY``.

    Raises:
        ConfigurationError: There is no key, or the URL is none.
    """
    given = os.environ if variables is None else variables
    url = given.get(f"{PREFIX}URL") or DEFAULT_URL
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f'PATCHBAY_URL="{url}" is no address of a hub; write {DEFAULT_URL}')
    key = given.get(f"{PREFIX}API_KEY", "").strip()
    if not key:
        raise ConfigurationError(f"this needs an API key: {HOW_TO_GET_A_KEY}")
    if not key.isascii() or not key.isprintable():
        raise ConfigurationError("PATCHBAY_API_KEY holds characters that no API key has")
    return HubClient(url, key)


def segment(text: str) -> str:
    """Return a name as one part of a path."""
    return quote(text, safe="")


def _problem_line(entry: JsonObject) -> str:
    where = f"line {entry['line']}, column {entry['column']}: " if entry.get("line") else ""
    hint = f" ({entry['fix']})" if entry.get("fix") else ""
    return f"{where}{entry['place']}: {entry['message']}{hint}"
