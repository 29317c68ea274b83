"""A server that is no good: connecting ends in an error that those who connect expect."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest

from engine.brokers.connection import Connection, broker_errors
from engine.errors import Unavailable


@pytest.fixture
async def rude() -> AsyncIterator[int]:
    """A server that hangs up on whoever comes, as a proxy does whose server is away."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_a_server_that_hangs_up_at_once_is_unavailable(rude: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = asyncio.open_connection

    async def slowly(*args: Any, **more: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await opened(*args, **more)
        while not reader.at_eof():  # so that the end is known before the first frame is waited for
            await asyncio.sleep(0.001)
        return reader, writer

    monkeypatch.setattr(asyncio, "open_connection", slowly)
    with pytest.raises(Unavailable), broker_errors("connecting"):
        await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{rude}/", connection_class=Connection)
