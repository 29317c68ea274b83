"""``http.request``, through the registry, against a real server."""

import base64
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from connectors.builtin import http
from connectors.conformance import ConnectorConformance
from connectors.registry import Registry
from engine.errors import InvalidInput, LimitExceeded, OutcomeUnknown, PermanentError, RemoteRejected, StepTimeout
from engine.model.action import ActionCall, Effect
from engine.model.base import JsonObject
from engine.model.connection import Credentials
from tests.unit.connectors.servers import Received, StubServer, answer, stub_server


class TestConformance(ConnectorConformance):
    connector = http.connector
    examples: ClassVar = {"request": {"url": "https://service.example/", "method": "POST", "json": {"a": 1}}}
    credentials: ClassVar = {"type": "bearer", "token": "s3cret-token"}


async def call(
    registry: Registry, url: str, *, connection: tuple[dict[str, str], JsonObject] | None = None, **inputs: Any
) -> Any:
    credentials, config = connection or (None, {})
    return await registry.perform(
        "http.request",
        ActionCall(
            inputs={"url": url, **inputs},
            idempotency_key="key-1",
            timeout=timedelta(seconds=5),
            credentials=Credentials(credentials) if credentials is not None else None,
            config=config,
        ),
    )


async def test_a_json_answer_is_parsed(server: StubServer, registry: Registry) -> None:
    server.respond = lambda _: answer('{"a": [1]}', kind="application/problem+json; charset=utf-8", x_a="1")

    output = await call(registry, f"{server.url}/x", query={"q": ["a", 1]}, headers={"X-B": 2})

    assert output["status"] == 200
    assert output["headers"]["x-a"] == "1"
    assert output["body"] == {"a": [1]}
    assert server.received[0].target == "/x?q=a&q=1"
    assert server.received[0].headers["x-b"] == "2"


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        ("grüße".encode("latin-1"), "text/plain; charset=latin-1", "grüße"),
        (b"<a/>", "application/atom+xml", "<a/>"),
        (b"not json", "application/json", "not json"),
        (b"\x00\xff", "image/png", {"base64": "AP8=", "content_type": "image/png"}),
        (b"", "application/json", None),
    ],
)
async def test_any_other_answer_is_text_or_base64(
    server: StubServer, registry: Registry, content: bytes, kind: str, body: Any
) -> None:
    server.respond = lambda _: answer(content, kind=kind)

    assert (await call(registry, server.url))["body"] == body


@pytest.mark.parametrize("method", http.METHODS)
async def test_every_method_is_sent_and_only_unsafe_ones_carry_a_key(
    server: StubServer, registry: Registry, method: str
) -> None:
    await call(registry, server.url, method=method)

    assert server.received[0].method == method
    assert server.received[0].headers.get("idempotency-key") == ("key-1" if method in ("POST", "PATCH") else None)


async def test_the_header_of_the_key_can_be_named_left_out_or_given(server: StubServer, registry: Registry) -> None:
    await call(registry, server.url, method="POST", idempotency_header="X-Request-Id")
    await call(registry, server.url, method="POST", idempotency_header="")
    await call(registry, server.url, method="POST", headers={"idempotency-key": "mine"})

    sent = [request.headers for request in server.received]
    assert sent[0]["x-request-id"] == "key-1"
    assert "key-1" not in sent[1].values()
    assert sent[2]["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("inputs", "kind", "body"),
    [
        ({"json": {"a": "ü"}}, "application/json", '{"a":"ü"}'.encode()),
        ({"form": {"a": "ü&", "b": [1, True]}}, "application/x-www-form-urlencoded", b"a=%C3%BC%26&b=1&b=true"),
        ({"text": "ü"}, "text/plain; charset=utf-8", "ü".encode()),
        ({"text": "<a/>", "content_type": "text/xml"}, "text/xml", b"<a/>"),
        ({"binary": "AP8="}, "application/octet-stream", b"\x00\xff"),
        ({"json": [], "headers": {"content-TYPE": "application/vnd.api+json"}}, "application/vnd.api+json", b"[]"),
        ({"text": "a", "headers": {"content-type": "text/csv"}, "content_type": "text/x"}, "text/csv", b"a"),
    ],
)
async def test_a_body_is_sent_in_each_form(
    server: StubServer, registry: Registry, inputs: JsonObject, kind: str, body: bytes
) -> None:
    await call(registry, server.url, method="POST", **inputs)

    assert server.received[0].headers["content-type"] == kind
    assert server.received[0].body == body


async def test_a_multipart_body_holds_fields_and_files(server: StubServer, registry: Registry) -> None:
    parts = [
        {"name": "note", "value": "hello"},
        {"name": "file", "content": "AP8=", "filename": "a.bin", "content_type": "application/x-a"},
    ]

    await call(registry, server.url, method="POST", multipart=parts)

    received = server.received[0]
    boundary = received.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
    assert received.body.split(b"--" + boundary) == [
        b"",
        b'\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n',
        b'\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/x-a\r\n\r\n\x00\xff\r\n',
        b"--\r\n",
    ]
    assert "transfer-encoding" not in received.headers


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"json": 1, "text": "a"}, "json, text exclude each other"),
        ({"binary": "###"}, 'input "binary" is not base64'),
        ({"multipart": [{"name": "a"}]}, "needs either value or content"),
        ({"method": "FETCH"}, 'input "method" must be one of GET'),
        ({"timout": "5s"}, 'did you mean "timeout"'),
        ({"expect": ["ok"]}, r'input "expect\[0\]" must be a whole number'),
        ({"headers": {"X": "a\r\nY: b"}}, "does not allow"),
        ({"method": "POST", "paginate": {"by": "link"}}, "GET only"),
        ({"paginate": {"by": "cursor"}}, "paginate.next"),
    ],
)
async def test_wrong_inputs_are_refused_before_anything_is_sent(
    server: StubServer, registry: Registry, inputs: JsonObject, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        await call(registry, server.url, **{"method": "POST", **inputs} if "paginate" not in inputs else inputs)

    assert server.received == []


@pytest.mark.parametrize(
    "url", ["", "service.example/x", "ftp://service.example/", "http://", "https://u:p@service.example/"]
)
async def test_something_that_cannot_be_called_is_refused(registry: Registry, url: str) -> None:
    with pytest.raises(InvalidInput):
        await call(registry, url)


@pytest.mark.parametrize(
    ("credentials", "header", "target"),
    [
        ({"type": "bearer", "token": "t"}, ("authorization", "Bearer t"), "/x"),
        ({"type": "basic", "username": "u", "password": "p"}, ("authorization", "Basic dTpw"), "/x"),
        ({"type": "header", "name": "X-Key", "value": "k"}, ("x-key", "k"), "/x"),
        ({"type": "query", "name": "key", "value": "k"}, None, "/x?key=k"),
    ],
)
async def test_a_connection_authorises_the_call(
    server: StubServer, registry: Registry, credentials: dict[str, str], header: tuple[str, str] | None, target: str
) -> None:
    await call(registry, "/x", connection=(credentials, {"base_url": server.url}))

    assert server.received[0].target == target
    assert header is None or server.received[0].headers[header[0]] == header[1]


async def test_a_connections_credentials_replace_what_a_workflow_writes(server: StubServer, registry: Registry) -> None:
    await call(
        registry,
        server.url,
        connection=({"type": "bearer", "token": "t"}, {}),
        headers={"authorization": "Bearer other"},
    )

    assert server.received[0].headers["authorization"] == "Bearer t"
    assert server.received[0].names.count("authorization") == 1


@pytest.mark.parametrize("inputs", [{"json": "\ud800"}, {"query": {"q": "\ud800"}}, {"headers": {"X": "\ud800"}}])
async def test_text_that_is_no_unicode_is_refused(registry: Registry, server: StubServer, inputs: JsonObject) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        await call(registry, server.url, method="POST", **inputs)


async def test_json_nested_too_deeply_is_no_crash(server: StubServer, registry: Registry) -> None:
    server.respond = lambda _: answer(b"[" * 9_000 + b"]" * 9_000)

    output = await call(registry, server.url)

    assert output["body"].startswith("[[[")


async def test_a_connection_can_be_kept_to_its_hosts(server: StubServer, registry: Registry) -> None:
    connection = ({"type": "bearer", "token": "t"}, {"hosts": ["api.acme.example"]})

    with pytest.raises(PermanentError, match="does not declare the host"):
        await call(registry, server.url, connection=connection)
    assert server.received == []


async def test_statuses_that_are_expected_are_answers(server: StubServer, registry: Registry) -> None:
    server.respond = lambda _: answer('{"error": "gone"}', status=404)

    assert (await call(registry, server.url, expect=[200, 404]))["status"] == 404
    with pytest.raises(RemoteRejected, match="404"):
        await call(registry, server.url)


async def test_redirects_are_followed_when_asked_for(server: StubServer, registry: Registry) -> None:
    server.respond = lambda request: answer(status=302, location="/y") if request.target == "/x" else answer("1")

    with pytest.raises(RemoteRejected, match="follow redirects"):
        await call(registry, f"{server.url}/x")
    assert (await call(registry, f"{server.url}/x", follow_redirects=True))["body"] == 1


async def test_a_call_may_have_a_time_limit_of_its_own(server: StubServer, registry: Registry) -> None:
    server.respond = lambda _: answer("12345")[:-1]

    with pytest.raises(StepTimeout, match="within 10ms"):
        await call(registry, server.url, timeout="10ms")


async def test_an_unrepeatable_call_that_was_cut_off_is_unknown(server: StubServer, registry: Registry) -> None:
    server.respond = lambda _: answer("12345")[:-1]

    with pytest.raises(OutcomeUnknown):
        await call(registry, server.url, method="POST", unrepeatable=True)


@pytest.mark.parametrize(
    ("inputs", "effect"),
    [
        ({"method": "GET"}, Effect.IDEMPOTENT),
        ({}, Effect.IDEMPOTENT),
        ({"method": "PUT"}, Effect.IDEMPOTENT),
        ({"method": "DELETE"}, Effect.IDEMPOTENT),
        ({"method": "POST"}, Effect.KEYED),
        ({"method": "PATCH"}, Effect.KEYED),
        ({"method": "POST", "unrepeatable": True}, Effect.UNREPEATABLE),
        ({"method": "POST", "unrepeatable": "true"}, Effect.UNREPEATABLE),
        ({"method": "nonsense"}, Effect.PURE),
    ],
)
async def test_the_effect_of_a_call_depends_on_its_inputs(
    registry: Registry, inputs: JsonObject, effect: Effect
) -> None:
    assert registry.effect("http.request", {"url": "https://x.example", **inputs}) is effect


def paged(server: StubServer, pages: dict[str, bytes]) -> None:
    def respond(request: Received) -> bytes:
        return pages[request.target]

    server.respond = respond


async def test_pages_are_followed_by_the_link_header(server: StubServer, registry: Registry) -> None:
    paged(
        server,
        {
            "/x?size=1&page=1": answer("[1]", link='</x?page=2>; rel="next", </x?page=9>; rel="last"'),
            "/x?page=2": answer("[2]"),
        },
    )

    output = await call(registry, f"{server.url}/x", query={"size": 1, "page": 1}, paginate={"by": "link"})

    assert (output["body"], output["pages"], output["truncated"]) == ([1, 2], 2, False)


async def test_pages_are_followed_by_an_address_in_the_body(server: StubServer, registry: Registry) -> None:
    paged(
        server,
        {
            "/x": answer('{"data": {"items": [1]}, "paging": {"next": "/y?c=a%2Fb"}}'),
            "/y?c=a%2Fb": answer('{"data": {"items": [2, 3]}, "paging": {"next": null}}'),
        },
    )

    output = await call(
        registry, f"{server.url}/x", paginate={"by": "next_url", "items": "data.items", "next": "paging.next"}
    )

    assert output["body"] == [1, 2, 3]


async def test_pages_are_followed_by_a_cursor(server: StubServer, registry: Registry) -> None:
    paged(
        server,
        {
            "/x?limit=2": answer('{"items": [1, 2], "cursor": "b"}'),
            "/x?limit=2&after=b": answer('{"items": [3], "cursor": ""}'),
        },
    )

    output = await call(
        registry,
        f"{server.url}/x",
        query={"limit": 2},
        paginate={"by": "cursor", "items": "items", "next": "cursor", "param": "after"},
    )

    assert output["body"] == [1, 2, 3]


async def test_pages_are_counted_until_one_is_empty(server: StubServer, registry: Registry) -> None:
    paged(server, {"/x?offset=0": answer("[1, 2]"), "/x?offset=2": answer("[3]"), "/x?offset=4": answer("[]")})

    output = await call(registry, f"{server.url}/x", paginate={"by": "page", "param": "offset", "start": 0, "step": 2})

    assert (output["body"], output["pages"]) == ([1, 2, 3], 3)


async def test_more_pages_than_allowed_are_left_and_it_is_said(server: StubServer, registry: Registry) -> None:
    server.respond = lambda _: answer("[1]")

    output = await call(registry, server.url, paginate={"by": "page", "max_pages": 3})

    assert (output["body"], output["truncated"]) == ([1, 1, 1], True)
    assert len(server.received) == 3


@pytest.mark.parametrize(
    ("paginate", "body", "error", "message"),
    [
        ({"by": "page", "max_bytes": 10}, "[1, 2, 3, 4]", LimitExceeded, "exceed 10 bytes"),
        ({"by": "cursor", "items": "i", "next": "c"}, '{"i": [1], "c": 1}', RemoteRejected, "repeat themselves"),
        ({"by": "page", "items": "i"}, '{"i": 7}', RemoteRejected, 'no list at "i"'),
        (
            {"by": "next_url", "items": "i", "next": "n"},
            '{"i": [], "n": "http://evil.example/"}',
            RemoteRejected,
            "not sent",
        ),
        ({"by": "page"}, "not json", RemoteRejected, "not JSON"),
    ],
)
async def test_pages_that_cannot_be_followed_are_an_error(
    server: StubServer, registry: Registry, paginate: JsonObject, body: str, error: type[Exception], message: str
) -> None:
    server.respond = lambda _: answer(body)

    with pytest.raises(error, match=message):
        await call(registry, server.url, paginate=paginate)


async def test_a_next_page_on_another_port_of_the_host_gets_no_credentials(
    server: StubServer, registry: Registry
) -> None:
    async with stub_server() as other:
        server.respond = lambda _: answer("[1]", link=f'<{other.url}/>; rel="next"')
        with pytest.raises(RemoteRejected, match="credentials are not sent there"):
            await call(
                registry,
                server.url,
                connection=({"type": "bearer", "token": "t"}, {}),
                paginate={"by": "link"},
            )

    assert other.received == []


async def test_what_is_sent_as_base64_comes_back_as_base64(server: StubServer, registry: Registry) -> None:
    server.respond = lambda request: answer(request.body, kind="application/octet-stream")
    content = base64.b64encode(bytes(range(256))).decode()

    output = await call(registry, server.url, method="PUT", binary=content)

    assert output["body"]["base64"] == content
