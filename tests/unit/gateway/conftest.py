"""A hub that only answers HTTP, with a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from db.migrate import migrate
from gateway.app import create_app
from gateway.auth import create_first_key
from gateway.bootstrap import Hub, Role, open_hub
from gateway.settings import Settings
from tests.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def hub(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Hub]:
    settings = Settings(data_dir=tmp_path, max_body_bytes=100_000)
    await migrate(settings.sql_url)
    async with open_hub(settings, roles=frozenset({Role.GATEWAY}), clock=clock) as hub:
        yield hub


@pytest.fixture
async def key(hub: Hub) -> str:
    made = await create_first_key(hub)
    assert made is not None
    return made


@pytest.fixture
async def http(hub: Hub, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(create_app(hub))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test", headers=headers) as client:
        yield client
