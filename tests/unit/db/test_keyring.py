"""Wrong keys keep the database closed; rotation replaces them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from db.keyring import rotate
from db.migrate import migrate
from db.session import SqlDatabase, open_database
from db.vault import Vault, generate_key
from engine.errors import ConfigurationError
from engine.model.base import DEFAULT_PROJECT, ConnectionId, new_id
from engine.model.connection import Connection, Credentials
from tests.fakes import START, FakeClock

OLD, NEW = generate_key(), generate_key()
TEAM = Connection(
    id=ConnectionId(new_id()), project_id=DEFAULT_PROJECT, name="team", connector="slack", config={},
    created_at=START, updated_at=START,
)  # fmt: skip


@pytest.fixture
async def url(sqlite_url: str) -> str:
    """A database with a connection and a secret, encrypted with ``OLD``."""
    await migrate(sqlite_url)
    async with opened(sqlite_url, OLD) as database, database.write() as work:
        await work.connections.put(TEAM, Credentials({"token": "t"}))
        await work.connections.put_secret(DEFAULT_PROJECT, "signing", b"s", now=START)
        await work.commit()
    return sqlite_url


@asynccontextmanager
async def opened(url: str, *keys: str) -> AsyncIterator[SqlDatabase]:
    async with open_database(url, vault=Vault(keys), clock=FakeClock()) as database:
        yield database


async def secrets(url: str, *keys: str) -> tuple[dict[str, str], dict[str, bytes]]:
    async with opened(url, *keys) as database, database.read() as work:
        return dict(await work.connections.credentials(TEAM)), dict(
            await work.connections.reveal(DEFAULT_PROJECT, ["signing"])
        )


async def test_a_wrong_key_keeps_the_database_closed(url: str) -> None:
    with pytest.raises(ConfigurationError, match="unreadable") as raised:
        async with opened(url, NEW):
            pass

    assert f'"{Vault([OLD]).primary}"' in str(raised.value)
    assert await secrets(url, OLD) == ({"token": "t"}, {"signing": b"s"})


async def test_a_new_key_before_the_old_one_reads_everything(url: str) -> None:
    assert await secrets(url, NEW, OLD) == ({"token": "t"}, {"signing": b"s"})


async def test_without_rotation_the_old_key_stays_needed(url: str) -> None:
    async with opened(url, NEW, OLD):
        pass

    for missing in (NEW, OLD):
        with pytest.raises(ConfigurationError):
            async with opened(url, missing):
                pass


async def test_after_rotation_the_new_key_is_enough(url: str) -> None:
    vault = Vault([NEW, OLD])
    async with opened(url, NEW, OLD) as database, database.write() as work:
        changed = await rotate(work.transaction, vault)
        again = await rotate(work.transaction, vault)
        await work.commit()

    assert (changed, again) == (2, 0)
    assert await secrets(url, NEW) == ({"token": "t"}, {"signing": b"s"})
    with pytest.raises(ConfigurationError):
        async with opened(url, OLD):
            pass


async def test_a_rotation_that_is_not_committed_changes_nothing(url: str) -> None:
    async with opened(url, NEW, OLD) as database, database.write() as work:
        await rotate(work.transaction, Vault([NEW, OLD]))

    assert await secrets(url, OLD, NEW) == ({"token": "t"}, {"signing": b"s"})
