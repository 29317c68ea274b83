"""A whole hub in this process, asked over HTTP: embedded, and on PostgreSQL and RabbitMQ. The tests of a file share it."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Secret

from db.migrate import migrate
from db.vault import generate_key
from gateway.app import create_app
from gateway.auth import create_first_key
from gateway.bootstrap import open_hub
from gateway.settings import Settings
from tests.acceptance.client import Client
from tests.acceptance.outside import Outside, open_outside
from tests.contract.broker_kits import rabbit_queues
from tests.services.probes import create_database, drop_database

BACKENDS = ["embedded", pytest.param("distributed", marks=pytest.mark.integration)]
BASE = "http://hub.test"


@dataclass(frozen=True)
class Site:
    """A running hub: its application, and the key that may do everything."""

    app: Starlette
    key: str

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        """Somebody with this key; with the empty one, without any."""
        given = self.key if key is None else key
        headers = {"authorization": f"Bearer {given}"} if given else {}
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE, headers=headers)


@pytest.fixture(scope="module", params=BACKENDS)
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("hub")
    loopback = ("127.0.0.1/32",)
    if request.param == "embedded":
        yield Settings(data_dir=folder, base_url=BASE, allow_private=loopback)
        return
    postgres, rabbitmq = request.getfixturevalue("postgres"), request.getfixturevalue("rabbitmq")
    name = f"test_{uuid.uuid4().hex}"
    create_database(postgres.url, name)
    yield Settings(
        data_dir=folder,
        database_url=f"{postgres.url.rpartition('/')[0]}/{name}",
        broker_url=rabbitmq.url,
        broker_prefix=f"test-{uuid.uuid4().hex[:12]}",
        encryption_keys=(Secret(generate_key()),),
        base_url=BASE,
        allow_private=loopback,
    )
    drop_database(postgres.url, name)


@pytest.fixture(scope="module")
async def site(settings: Settings) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        if not settings.is_embedded:
            await stack.enter_async_context(rabbit_queues(settings.broker_url, settings.broker_prefix))
        await migrate(settings.sql_url)
        hub = await stack.enter_async_context(open_hub(settings))
        key = await create_first_key(hub)
        assert key is not None
        yield Site(create_app(hub), key)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    """The owner of the hub."""
    async with site.client() as http:
        yield Client(http)


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a key, such as a service that calls a hook."""
    async with site.client("") as http:
        yield http


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    """A service on the internet, played by this machine."""
    async with open_outside() as service:
        yield service
