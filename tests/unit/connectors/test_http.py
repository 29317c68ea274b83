"""The client against real sockets: connections, time, size, redirects."""

import asyncio
import gzip
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from connectors.http import HttpClient, open_http
from engine.errors import InvalidInput, LimitExceeded, PermanentError, RemoteRejected, RemoteUnavailable, StepTimeout
from tests.unit.connectors.conftest import SETTINGS
from tests.unit.connectors.servers import Received, StubServer, answer, stub_server


async def test_a_connection_is_used_again(server: StubServer, client: HttpClient) -> None:
    for number in range(3):
        response = await client.send(httpx.Request("POST", f"{server.url}/{number}", content=b"x" * number))
        assert response.status_code == 200

    assert [(request.target, request.body) for request in server.received] == [("/0", b""), ("/1", b"x"), ("/2", b"xx")]
    assert server.connections == 1


async def test_calls_at_once_have_a_connection_each_and_the_number_is_bounded(server: StubServer) -> None:
    running = most = 0

    async def respond(_: Received) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return answer()

    server.respond = respond
    async with open_http(replace(SETTINGS, max_connections=3)) as client, asyncio.TaskGroup() as tasks:
        for _ in range(12):
            tasks.create_task(client.send(httpx.Request("GET", server.url)))

    assert most == 3
    assert server.connections == 3


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_idempotent_call_survives_a_connection_that_was_closed_meanwhile(
    server: StubServer, client: HttpClient, method: str
) -> None:
    answers = [answer(), None, answer('"second"')]
    server.respond = lambda _: answers.pop(0)

    await client.send(httpx.Request("GET", server.url))
    response = await client.send(httpx.Request(method, server.url))

    assert response.json() == "second"


async def test_any_other_call_is_left_to_the_retry_policy(server: StubServer, client: HttpClient) -> None:
    answers = [answer(), None, answer()]
    server.respond = lambda _: answers.pop(0)

    await client.send(httpx.Request("GET", server.url))
    with pytest.raises(RemoteUnavailable, match="without an answer"):
        await client.send(httpx.Request("POST", server.url))

    assert len(server.received) == 2


async def test_a_connection_that_the_server_closed_while_idle_is_replaced(
    server: StubServer, client: HttpClient
) -> None:
    server.respond = lambda _: answer(connection="close")

    for _ in range(2):
        assert (await client.send(httpx.Request("POST", server.url))).status_code == 200

    assert server.connections == 2


async def test_an_answer_that_nobody_asked_for_is_never_given_to_the_next_call(
    server: StubServer, client: HttpClient
) -> None:
    answers = [answer('"first"') + answer('"injected"'), answer('"second"')]
    server.respond = lambda _: answers.pop(0)

    first = await client.send(httpx.Request("GET", server.url))
    second = await client.send(httpx.Request("GET", server.url))

    assert (first.json(), second.json()) == ("first", "second")


async def test_silence_is_noticed(server: StubServer, client: HttpClient) -> None:
    async def respond(_: Received) -> bytes:
        await asyncio.Event().wait()
        return b""

    server.respond = respond

    with pytest.raises(StepTimeout, match=r"silent for 0\.05 seconds"):
        await client.send(httpx.Request("GET", server.url))


async def test_a_body_that_stops_in_the_middle_is_noticed(server: StubServer, client: HttpClient) -> None:
    server.respond = lambda _: answer("12345")[:-1]

    with pytest.raises(StepTimeout, match="silent"):
        await client.send(httpx.Request("GET", server.url))


async def test_a_call_that_trickles_is_cut_off_at_its_time_limit(server: StubServer, client: HttpClient) -> None:
    async def respond(_: Received) -> bytes:
        await asyncio.sleep(0.04)
        return answer(status=302, location="/again")

    server.respond = respond

    with pytest.raises(StepTimeout, match=r'no answer from "127\.0\.0\.1" within 30ms'):
        await client.send(httpx.Request("GET", server.url), timeout=timedelta(milliseconds=30), follow_redirects=True)


async def test_a_cancelled_call_leaves_no_connection_behind(server: StubServer, client: HttpClient) -> None:
    reached = asyncio.Event()

    async def respond(_: Received) -> bytes:
        if len(server.received) > 1:
            return answer('"fresh"')
        reached.set()
        await asyncio.Event().wait()
        return b""

    server.respond = respond
    task = asyncio.create_task(client.send(httpx.Request("GET", server.url)))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    response = await client.send(httpx.Request("GET", server.url))

    assert response.json() == "fresh"
    assert server.connections == 2


async def test_a_refused_connection_may_be_accepted_later(client: HttpClient) -> None:
    async with stub_server() as gone:
        url = gone.url

    with pytest.raises(RemoteUnavailable, match=r'no connection to "127\.0\.0\.1" port'):
        await client.send(httpx.Request("GET", url))


@pytest.mark.parametrize(
    "response",
    [
        answer(b"x" * 20_001),
        answer(b"x" * 20_001).replace(b"content-length: 20001\r\n", b""),
        answer(gzip.compress(b"x" * 20_001), content_encoding="gzip"),
        answer(x_long="a" * 5_000),
    ],
    ids=["length", "no length", "compressed", "header"],
)
async def test_a_response_that_is_too_large_is_cut(server: StubServer, client: HttpClient, response: bytes) -> None:
    server.respond = lambda _: response

    with pytest.raises(LimitExceeded):
        await client.send(httpx.Request("GET", server.url))


async def test_a_request_that_is_too_large_is_not_sent(server: StubServer) -> None:
    async with open_http(replace(SETTINGS, max_request_bytes=10)) as client:
        with pytest.raises(InvalidInput, match="at most 10"):
            await client.send(httpx.Request("POST", server.url, content=b"x" * 11))

    assert server.received == []


async def test_compressed_answers_are_asked_for_and_unpacked(server: StubServer, client: HttpClient) -> None:
    server.respond = lambda _: answer(gzip.compress(b'{"a": 1}'), content_encoding="gzip")

    response = await client.send(httpx.Request("GET", server.url))

    assert response.json() == {"a": 1}
    assert server.received[0].headers["accept-encoding"] == "gzip, deflate"


async def test_redirects_are_not_followed_unless_asked_for(server: StubServer, client: HttpClient) -> None:
    server.respond = lambda _: answer(status=302, location="/other")

    response = await client.send(httpx.Request("GET", server.url))

    assert response.status_code == 302
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "PUT", "GET"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
        (303, "HEAD", "HEAD"),
    ],
)
async def test_a_redirect_keeps_or_changes_the_method_as_the_standard_says(
    server: StubServer, client: HttpClient, status: int, method: str, becomes: str
) -> None:
    server.respond = lambda request: answer(status=status, location="/new?x=1") if request.target == "/" else answer()
    request = httpx.Request(method, f"{server.url}/", content=b"body", headers={"content-type": "text/plain"})

    response = await client.send(request, follow_redirects=True)

    followed = server.received[-1]
    assert (followed.method, followed.target) == (becomes, "/new?x=1")
    kept = becomes == method
    assert followed.body == (b"body" if kept else b"")
    assert ("content-type" in followed.headers) is kept
    assert str(response.request.url) == f"{server.url}/new?x=1"


async def test_credentials_stay_with_the_origin_they_were_meant_for(server: StubServer, client: HttpClient) -> None:
    headers = {"Authorization": "Bearer s", "Cookie": "a=b", "X-Api-Key": "k", "X-Other": "o"}
    async with stub_server() as other:
        server.respond = lambda request: answer(
            status=307, location="/same" if request.target == "/" else f"{other.url}/elsewhere"
        )
        await client.send(
            httpx.Request("GET", f"{server.url}/", headers=headers), follow_redirects=True, secret_headers=["x-api-key"]
        )

    same, elsewhere = server.received[1].headers, other.received[0].headers
    assert (same["authorization"], same["cookie"], same["x-api-key"]) == ("Bearer s", "a=b", "k")
    assert {"authorization", "cookie", "x-api-key"} & set(elsewhere) == set()
    assert elsewhere["x-other"] == "o"
    assert elsewhere["host"] == f"127.0.0.1:{other.port}"


async def test_redirects_without_end_are_given_up(server: StubServer, client: HttpClient) -> None:
    server.respond = lambda _: answer(status=302, location="/loop")

    with pytest.raises(RemoteRejected, match="more than 5 times"):
        await client.send(httpx.Request("GET", server.url), follow_redirects=True)

    assert len(server.received) == 6


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://["])
async def test_a_redirect_to_something_else_is_refused_without_quoting_it(
    server: StubServer, client: HttpClient, location: str
) -> None:
    server.respond = lambda _: answer(status=302, location=location)

    with pytest.raises(PermanentError) as caught:
        await client.send(httpx.Request("GET", server.url), follow_redirects=True)

    assert "secret" not in str(caught.value)


async def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "http://service.example/"})

    client = HttpClient(httpx.MockTransport(respond), SETTINGS)

    with pytest.raises(RemoteRejected, match="from https to http"):
        await client.send(httpx.Request("GET", "https://service.example/"), follow_redirects=True)
