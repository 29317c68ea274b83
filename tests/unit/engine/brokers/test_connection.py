"""Which errors mean that the broker is away, and that a connection attempt leaves nothing behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError, ChannelNotFoundEntity

from engine.brokers.connection import Connection, broker_errors
from engine.errors import Unavailable


@pytest.mark.parametrize(
    "error",
    [
        AMQPConnectionError("gone"),
        ChannelNotFoundEntity("no queue"),
        ChannelInvalidStateError("closed"),
        ConnectionResetError("reset"),
        TimeoutError(),
        RuntimeError("closed"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_aio_pika_raises_for_a_broker_that_is_away_becomes_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable, match=r"^publishing: .") as raised, broker_errors("publishing"):
        raise error

    assert raised.value.__cause__ is error


async def test_a_cancelled_error_that_nobody_asked_for_becomes_unavailable() -> None:
    """This is how aiormq, below aio-pika, ends the calls that wait on a connection that is lost."""
    pending = asyncio.get_running_loop().create_future()
    pending.cancel()

    with pytest.raises(Unavailable, match="connection to the broker was lost"), broker_errors("publishing"):
        await pending


async def test_it_does_so_in_a_task_that_an_earlier_cancellation_left_marked() -> None:
    async def call_after_a_failed_group() -> None:
        task = asyncio.current_task()
        assert task is not None
        with contextlib.suppress(asyncio.CancelledError):
            task.cancel()
            await asyncio.sleep(0)
        assert task.cancelling() == 1
        with broker_errors("publishing"):
            raise asyncio.CancelledError

    with pytest.raises(Unavailable):
        await asyncio.ensure_future(call_after_a_failed_group())


async def test_a_real_cancellation_stays_one() -> None:
    async def wait() -> None:
        with broker_errors("publishing"):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_bug_of_ours_is_not_hidden() -> None:
    with pytest.raises(KeyError), broker_errors("publishing"):
        raise KeyError


async def test_a_connection_attempt_that_is_given_up_cuts_its_socket() -> None:
    connected, ended = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        ended.set()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"amqp://guest:guest@127.0.0.1:{port}/"
        attempt = asyncio.ensure_future(aio_pika.connect(url, connection_class=Connection))
        await connected.wait()

        attempt.cancel()

        with pytest.raises(asyncio.CancelledError):
            await attempt
        async with asyncio.timeout(10):
            await ended.wait()


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
