"""A local server, and clients that may call it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from connectors.addresses import networks
from connectors.http import HttpClient, HttpSettings, open_http
from connectors.registry import Registry
from connectors.responses import ResponseLimits
from tests.unit.connectors.servers import StubServer, stub_server

LOOPBACK = networks(["127.0.0.0/8"])
SETTINGS = HttpSettings(
    allow_private=LOOPBACK,
    silence=timedelta(milliseconds=50),
    timeout=timedelta(seconds=5),
    response=ResponseLimits(body_bytes=20_000, header_bytes=4_000, headers=50),
)


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with stub_server() as started:
        yield started


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """A client that may call this machine and gives up after 50 ms of silence."""
    async with open_http(SETTINGS) as opened:
        yield opened


@pytest.fixture
async def registry(client: HttpClient) -> Registry:
    return Registry(client)
