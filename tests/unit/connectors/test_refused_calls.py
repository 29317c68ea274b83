"""Calls that must not leave, tried through the whole client."""

import ssl
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.addresses import SETTING, Address, AddressPolicy
from connectors.http import HttpClient, HttpSettings, open_http, parse_url
from connectors.resolver import AddressRefused, Resolver
from engine.errors import InvalidInput, PermanentError, RemoteUnavailable
from tests.unit.connectors.conftest import SETTINGS
from tests.unit.connectors.servers import StubServer, answer, stub_server


class StubLookup:
    """Answers the next of several answers each time it is asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[Address]:
        self.asked.append(host)
        return [ip_address(text) for text in (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])]


class StubMonotonic:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "a.localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0",
        "169.254.169.254", "[64:ff9b::169.254.169.254]", "10.0.0.1", "192.168.0.1", "2130706433", "0x7f.1", "0177.0.0.1",
        "127.1", "[fe80::1]", "[fd00:ec2::254]", "100.64.0.1", "224.0.0.1",
    ],
)  # fmt: skip
async def test_no_spelling_of_a_private_address_is_called(host: str) -> None:
    async with open_http(HttpSettings()) as client:
        with pytest.raises((AddressRefused, InvalidInput)):
            await client.send(httpx.Request("GET", parse_url(f"http://{host}:9/")))


async def test_the_refusal_names_the_host_and_the_setting() -> None:
    async with open_http(HttpSettings(), lookup=StubLookup(["10.0.0.7"])) as client:
        with pytest.raises(PermanentError, match=f'"internal.example".*10.0.0.7.*{SETTING}'):
            await client.send(httpx.Request("GET", "https://internal.example/"))


async def test_a_name_with_a_public_and_a_private_address_is_refused() -> None:
    async with open_http(HttpSettings(), lookup=StubLookup(["8.8.8.8", "127.0.0.1"])) as client:
        with pytest.raises(AddressRefused):
            await client.send(httpx.Request("GET", "http://both.example/"))


async def test_the_answer_that_was_checked_is_the_one_that_is_called() -> None:
    """DNS rebinding: the name first answers publicly, then with loopback, as an attacker's server would."""
    clock = StubMonotonic()
    lookup = StubLookup(["8.8.8.8"], ["127.0.0.1"])
    resolver = Resolver(AddressPolicy(), ttl=timedelta(seconds=5), lookup=lookup, monotonic=clock)

    assert await resolver.resolve("rebind.example") == [ip_address("8.8.8.8")]
    assert await resolver.resolve("rebind.example") == [ip_address("8.8.8.8")]
    assert lookup.asked == ["rebind.example"]
    clock.now = 5.1
    with pytest.raises(AddressRefused):
        await resolver.resolve("rebind.example")


async def test_a_name_is_asked_for_once_per_connection_and_only_by_us(server: StubServer) -> None:
    lookup = StubLookup(["127.0.0.1"])
    async with open_http(SETTINGS, lookup=lookup) as client:
        response = await client.send(httpx.Request("GET", f"http://service.example:{server.port}/x"))

    assert response.status_code == 200
    assert lookup.asked == ["service.example"]
    assert server.received[0].headers["host"] == f"service.example:{server.port}"


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "//0x7f.1/", "http://[::ffff:a00:1]/"],
)
async def test_a_redirect_to_a_private_address_is_refused(
    server: StubServer, client: HttpClient, location: str
) -> None:
    server.respond = lambda _: answer(status=302, location=location)

    with pytest.raises(AddressRefused):
        await client.send(httpx.Request("GET", server.url), follow_redirects=True)


async def test_an_unknown_name_may_be_known_later() -> None:
    async def nothing(host: str) -> list[Address]:
        raise OSError(-2, "Name or service not known")

    async with open_http(HttpSettings(), lookup=nothing) as client:
        with pytest.raises(RemoteUnavailable, match=r'"nowhere\.example" cannot be resolved'):
            await client.send(httpx.Request("GET", "https://nowhere.example/"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-A", "a\r\nX-B: b"), ("X-A", "a\nb"), ("X-A", "a\x00b"), ("X A", "b"), ("X-A:", "b"), ("", "b")],
)
async def test_a_header_cannot_end_its_line(server: StubServer, client: HttpClient, name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="does not allow"):
        await client.send(httpx.Request("GET", server.url, headers={name: value}))
    assert server.received == []


async def test_a_method_cannot_hold_a_second_request(server: StubServer, client: HttpClient) -> None:
    with pytest.raises(InvalidInput, match="not an HTTP method"):
        await client.send(httpx.Request("GET / HTTP/1.1\r\nX: y\r\n\r\nGET", server.url))
    assert server.received == []


async def test_proxies_of_the_environment_are_not_used(
    server: StubServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    response = await client.send(httpx.Request("GET", server.url))

    assert response.status_code == 200


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context with a certificate for ``name``, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = signed.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "server.pem"
    file.write_bytes(secret + pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return serving, ssl.create_default_context(cadata=pem.decode())


async def test_a_certificate_is_checked_against_the_name_although_an_address_is_called(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "api.example")
    settings = replace(SETTINGS, silence=timedelta(seconds=5))
    lookup = StubLookup(["127.0.0.1"])
    async with stub_server(serving) as server, open_http(settings, lookup=lookup, ssl_context=trusting) as client:
        good = await client.send(httpx.Request("GET", f"https://api.example:{server.port}/"))
        with pytest.raises(PermanentError, match=r'certificate of "other\.example" is not valid'):
            await client.send(httpx.Request("GET", f"https://other.example:{server.port}/"))

    assert good.status_code == 200
    assert [request.headers["host"] for request in server.received] == [f"api.example:{server.port}"]


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path, "api.example")
    async with stub_server(serving) as server, open_http(SETTINGS, lookup=StubLookup(["127.0.0.1"])) as client:
        with pytest.raises(PermanentError, match="is not valid"):
            await client.send(httpx.Request("GET", f"https://api.example:{server.port}/"))
