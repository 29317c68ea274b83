"""What an action's HTTP client does for it: addresses, credentials, hosts, outcomes."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from connectors.auth import ApiKeyAuth, Auth, BasicAuth, BearerAuth, CustomAuth, NoAuth, Proof
from connectors.fields import Secret, Text
from connectors.http import HttpClient
from connectors.session import Http, Reach
from engine.errors import (
    InvalidInput,
    OutcomeUnknown,
    PermanentError,
    RemoteRejected,
    RemoteUnavailable,
    StepTimeout,
)
from engine.model.action import Effect
from tests.unit.connectors.servers import Received, StubServer, answer, stub_server

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def session(client: HttpClient, server: StubServer, proof: Proof | None = None, **fields: object) -> Http:
    made = Http(
        client=client,
        reach=Reach(base_url=f"{server.url}/api/v2/"),
        effect=Effect.KEYED,
        timeout=timedelta(seconds=5),
        now=lambda: NOW,
        proof=proof or Proof(),
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


async def test_addresses_are_relative_to_the_service(server: StubServer, client: HttpClient) -> None:
    http = session(client, server)

    await http.get("/tickets", params={"a": [1, 2], "b": None, "c": True, "redirect": "https://x.example"})
    await http.get(f"{server.url}/other?x=1", params={"y": "ü&"})

    assert [request.target for request in server.received] == [
        "/api/v2/tickets?a=1&a=2&c=true&redirect=https%3A%2F%2Fx.example",
        "/other?x=1&y=%C3%BC%26",
    ]


async def test_json_goes_out_and_comes_back(server: StubServer, client: HttpClient) -> None:
    server.respond = lambda _: answer('\ufeff{"id": 7}')

    result = await session(client, server).post("/tickets", json={"größe": 1}, headers={"X-Trace": "t"})

    assert result == {"id": 7}
    assert server.received[0].json == {"größe": 1}
    assert server.received[0].headers["content-type"] == "application/json"
    assert server.received[0].headers["x-trace"] == "t"


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
async def test_every_verb_returns_the_answer(server: StubServer, client: HttpClient, verb: str) -> None:
    server.respond = lambda _: answer(b"", status=204)

    assert await getattr(session(client, server), verb)("/tickets/1") is None
    assert server.received[0].method == verb.upper()


async def test_an_answer_that_is_not_json_is_told(server: StubServer, client: HttpClient) -> None:
    server.respond = lambda _: answer("<html>", kind="text/html")

    with pytest.raises(RemoteRejected, match="not JSON"):
        await session(client, server).get("/")


@pytest.mark.parametrize(
    ("auth", "credentials", "header", "target"),
    [
        (ApiKeyAuth(header="X-Api-Key"), {"api_key": "k"}, ("x-api-key", "k"), "/api/v2/x"),
        (
            ApiKeyAuth(header="Authorization", prefix="Token "),
            {"api_key": "k"},
            ("authorization", "Token k"),
            "/api/v2/x",
        ),
        (ApiKeyAuth(query="key"), {"api_key": "k&"}, None, "/api/v2/x?key=k%26"),
        (BearerAuth(), {"token": "t"}, ("authorization", "Bearer t"), "/api/v2/x"),
        (BasicAuth(), {"username": "ü", "password": "p:w"}, ("authorization", "Basic w7w6cDp3"), "/api/v2/x"),
        (
            CustomAuth(
                custom={"user": Text(label="User"), "key": Secret(label="Key")}, headers={"X-Sig": "{user}/{key}"}
            ),
            {"user": "u", "key": "k"},
            ("x-sig", "u/k"),
            "/api/v2/x",
        ),
        (NoAuth(), {}, None, "/api/v2/x"),
    ],
)
async def test_credentials_are_shown_as_the_service_wants_them(
    server: StubServer,
    client: HttpClient,
    auth: Auth,
    credentials: Mapping[str, str],
    header: tuple[str, str] | None,
    target: str,
) -> None:
    await session(client, server, auth.proof(credentials)).get("/x")

    assert server.received[0].target == target
    if header is not None:
        assert server.received[0].headers[header[0]] == header[1]


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "http://localhost:1/"])
async def test_a_host_that_is_not_declared_is_refused(server: StubServer, client: HttpClient, url: str) -> None:
    http = session(client, server, Proof(headers={"X-Key": "k"}))

    if url.startswith("//"):
        await http.get(url)
        assert server.received[0].target == "/api/v2/evil.example/"
        return
    with pytest.raises(PermanentError, match="does not declare the host"):
        await http.get(url)
    assert server.received == []
    assert not http.sent


async def test_a_redirect_to_a_host_that_is_not_declared_is_refused(server: StubServer, client: HttpClient) -> None:
    server.respond = lambda _: answer(status=307, location=f"http://localhost:{server.port}/elsewhere")

    with pytest.raises(PermanentError, match="does not declare the host"):
        await session(client, server).request("GET", "/x", follow_redirects=True)

    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("hosts", "host", "permitted"),
    [
        (("*",), "any.example", True),
        (("api.acme.example",), "api.acme.example", True),
        (("api.acme.example",), "API.acme.example.", True),
        (("api.acme.example",), "api.acme.example.evil.example", False),
        (("*.acme.example",), "eu.acme.example", True),
        (("*.acme.example",), "acme.example", False),
        (("*.acme.example",), "evilacme.example", False),
        ((), "any.example", False),
    ],
)
def test_hosts_are_matched_by_whole_labels(hosts: tuple[str, ...], host: str, permitted: bool) -> None:
    assert Reach(hosts=hosts).permits(host) is permitted


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "connection"])
async def test_headers_that_frame_a_request_cannot_be_given(server: StubServer, client: HttpClient, name: str) -> None:
    with pytest.raises(InvalidInput, match=f'"{name}" is set by Patchbay'):
        await session(client, server).get("/", headers={name: "1"})


async def test_a_header_outside_ascii_is_refused(server: StubServer, client: HttpClient) -> None:
    with pytest.raises(InvalidInput, match=r"cannot be written as HTTP|does not allow"):
        await session(client, server).get("/", headers={"X-Ä": "1"})


@pytest.mark.parametrize(
    ("respond", "kept"),
    [
        (lambda _: None, OutcomeUnknown),
        (lambda _: answer("12345")[:-1], OutcomeUnknown),
        (lambda _: answer(status=502), OutcomeUnknown),
        (lambda _: answer(status=503), RemoteUnavailable),
    ],
    ids=["closed", "silent", "502", "503"],
)
async def test_an_unrepeatable_call_without_a_clear_answer_is_unknown(
    server: StubServer, client: HttpClient, respond: object, kept: type[Exception]
) -> None:
    server.respond = respond  # type: ignore[assignment]  # the responders above

    with pytest.raises(kept):
        await session(client, server, effect=Effect.UNREPEATABLE).post("/charge")


async def test_an_unrepeatable_call_that_never_left_may_be_repeated(client: HttpClient) -> None:
    async with stub_server() as gone:
        http = session(client, gone, effect=Effect.UNREPEATABLE)

    with pytest.raises(RemoteUnavailable):
        await http.post("/charge")
    assert not http.sent


async def test_a_request_never_takes_longer_than_the_attempt(server: StubServer, client: HttpClient) -> None:
    async def respond(_: Received) -> bytes:
        await asyncio.Event().wait()
        return b""

    server.respond = respond
    http = session(client, server, timeout=timedelta(milliseconds=20))

    with pytest.raises(StepTimeout, match="within 20ms"):
        await http.request("GET", "/", timeout=timedelta(hours=1))


def test_nothing_secret_shows_in_a_session() -> None:
    proof = BearerAuth().proof({"token": "s3cret"})

    assert "s3cret" not in repr(proof)
