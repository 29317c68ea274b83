"""The Python load generator counts every answer once, and says which were no success."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httptools
import pytest

from benchmarks.client import Tally, percentile, run


class Server(asyncio.Protocol):
    """Answers with each status in turn; an answer of status 0 is a closed connection."""

    def __init__(self, statuses: list[int], bodies: list[bytes]) -> None:
        self._statuses = statuses
        self._bodies = bodies
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._bodies.append(body)

    def on_message_complete(self) -> None:
        status = self._statuses[(len(self._bodies) - 1) % len(self._statuses)]
        if status:
            self._transport.write(b"HTTP/1.1 %d Word\r\ncontent-length: 2\r\n\r\nok" % status)
        else:
            self._transport.close()


@asynccontextmanager
async def a_server(*statuses: int) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve, and tell the URL and every body that came."""
    bodies: list[bytes] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(list(statuses), bodies), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/w1", bodies


async def test_exactly_the_requests_that_were_asked_for_are_sent() -> None:
    async with a_server(202) as (url, bodies):
        load = await run(url, b"body", connections=4, requests=50)

    assert bodies == [b"body"] * 50
    assert (load.requests, load.failed, load.errors) == (50, 0, 0)


async def test_answers_that_are_no_success_are_counted_as_failed() -> None:
    async with a_server(202, 500, 302, 404) as (url, _):
        load = await run(url, b"body", connections=1, requests=8)

    assert (load.requests, load.failed, load.accepted) == (8, 6, 2)


async def test_a_connection_that_closes_before_its_answer_is_an_error_and_no_answer() -> None:
    async with a_server(202, 0) as (url, _):
        load = await run(url, b"body", connections=1, requests=8)

    assert (load.requests, load.errors) == (1, 1)


async def test_no_more_is_sent_once_the_time_is_over() -> None:
    async with a_server(202) as (url, bodies):
        load = await run(url, b"body", connections=2, seconds=0)

    assert bodies == []
    assert load.requests == 0


async def test_every_request_that_was_sent_is_waited_for() -> None:
    async with a_server(202) as (url, bodies):
        load = await run(url, b"body", connections=2, seconds=0.02)

    assert load.requests == len(bodies) > 0


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, 0), ([7], 99, 7), ([1, 2, 3, 4], 50, 2), (list(range(1, 101)), 99, 99), (list(range(1, 11)), 99, 10)],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], percent: int, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_latencies_are_told_in_milliseconds() -> None:
    tally = Tally(requests=None, deadline=None)
    tally.answered(202, seconds=0.004)

    load = tally.load(seconds=1)

    assert (load.p50_ms, load.p99_ms) == (4, 4)
