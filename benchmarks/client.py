"""The load generator for machines without wrk, and for exact numbers of requests: keep-alive connections, one process.

Slower than wrk and on the same cores, so it takes more from what it measures; the report says which one was used.
Unlike wrk it waits for the last answers, so what it counts is exact.
"""

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

from benchmarks.figures import Load

PATIENCE_SECONDS = 60


@dataclass(kw_only=True)
class Tally:
    """What all connections share: how much may still be sent, and what came back."""

    requests: int | None
    deadline: float | None
    sent: int = 0
    failed: int = 0
    errors: int = 0
    latencies: list[float] = field(default_factory=list)

    def may_send(self) -> bool:
        """Whether another request is wanted; taking it counts it."""
        if self.requests is not None and self.sent >= self.requests:
            return False
        if self.deadline is not None and time.perf_counter() >= self.deadline:
            return False
        self.sent += 1
        return True

    def answered(self, status: int, *, seconds: float) -> None:
        self.latencies.append(seconds)
        self.failed += not 200 <= status < 300

    def load(self, *, seconds: float) -> Load:
        ordered = sorted(self.latencies)
        return Load(
            requests=len(ordered),
            failed=self.failed,
            errors=self.errors,
            seconds=seconds,
            p50_ms=percentile(ordered, 50) * 1000,
            p99_ms=percentile(ordered, 99) * 1000,
        )


def percentile(ordered: list[float], percent: int) -> float:
    """Return the smallest value that ``percent`` of all values do not exceed; 0 when there are none."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0.0


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request, its answer, the next request."""

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._parser = httptools.HttpResponseParser(self)
        self._sent_at: float | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one only in shape
        self._next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        assert self._sent_at is not None
        self._tally.answered(self._parser.get_status_code(), seconds=time.perf_counter() - self._sent_at)
        self._sent_at = None
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._sent_at is not None:
            self._tally.errors += 1
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        if self._tally.may_send():
            self._sent_at = time.perf_counter()
            self._transport.write(self._request)
        else:
            self._transport.close()


async def run(
    url: str, body: bytes, *, connections: int, seconds: float | None = None, requests: int | None = None
) -> Load:
    """Post ``body`` over and over, for so long or so often, and return when every answer has come."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    head = (
        f"POST {parts.path or '/'} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    tally = Tally(requests=requests, deadline=None if seconds is None else begun + seconds)
    pairs = [await loop.create_connection(lambda: Connection(request, tally), host, port) for _ in range(connections)]
    _, late = await asyncio.wait([one.done for _, one in pairs], timeout=(seconds or 0) + PATIENCE_SECONDS)
    tally.errors += len(late)
    return tally.load(seconds=time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=64)
    amount = parser.add_mutually_exclusive_group(required=True)
    amount.add_argument("--seconds", type=float)
    amount.add_argument("--requests", type=int)
    given = parser.parse_args()
    load = uvloop.run(
        run(
            given.url,
            given.body.read_bytes(),
            connections=given.connections,
            seconds=given.seconds,
            requests=given.requests,
        )
    )
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
