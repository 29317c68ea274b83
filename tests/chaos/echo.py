"""The outside world: an HTTP server that writes every request to a file before it answers.

Its file is the witness of effects. It runs as a process of its own, which no fault touches.
Requests under ``/first-fails/`` are answered 503 once per idempotency key. Those under ``/calls-back/`` name a link,
which is called a little later, again and again until the hub has said that it heard. Every answer takes a few milliseconds more
or less, so that calls are under way whenever a process is killed.
"""

import argparse
import asyncio
import json
import os
import time
import zlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import uvloop

FIRST_FAILS: Final = "/first-fails/"
CALLS_BACK: Final = "/calls-back/"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
SLOWEST_SECONDS: Final = 0.12
LATEST_SECONDS: Final = 1.5
OK: Final = 200
GONE: Final = 410
AGAIN_SECONDS: Final = 0.3
ANSWER_SECONDS: Final = 5
DOUBLE_SHARE: Final = 0.3

_REASONS: Final = {200: "OK", 503: "Service Unavailable"}


class Witness:
    """The file, one JSON object per line, appended with one write each."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._failed_once: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def _begin(self, call: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def write(self, method: str, path: str, key: str, body: bytes) -> int:
        """Write a request down and return the status to answer with."""
        status = 200
        if path.startswith(FIRST_FAILS) and key not in self._failed_once:
            self._failed_once.add(key)
            status = 503
        content = json.loads(body) if body else {}
        if path.startswith(CALLS_BACK):
            if "callback" in content:
                self._begin(call_back(content["callback"], key, b'{"answered": true}', JSON))
            for person, link in content.get("approvals", {}).items():
                self._begin(call_back(link, key + person, b"decision=approved", FORM))
        entry = {"at": time.time(), "method": method, "path": path, "key": key, "id": content.get("id")}
        os.write(self._file, json.dumps({**entry, "status": status}).encode() + b"\n")
        return status


async def call_back(link: str, key: str, body: bytes, media: str) -> None:
    """Call a link until it was heard; some links twice, as people and mail programs do."""
    chance = zlib.crc32(key.encode()) % 1000 / 1000
    await asyncio.sleep(chance * LATEST_SECONDS)
    times = 2 if chance < DOUBLE_SHARE else 1
    heard = False
    while times:
        try:
            status = await post(link, body, media)
        except (OSError, EOFError, ValueError):
            status = 0
        if status == OK or (heard and status == GONE):  # gone before it was heard: nobody has asked yet
            heard = True
            times -= 1
        await asyncio.sleep(AGAIN_SECONDS)


async def post(link: str, body: bytes, media: str) -> int:
    """Send a body and return the status of the answer."""
    parts = urlsplit(link)
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: {media}\r\n"
            writer.write(f"{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            return int((await reader.readline()).split()[1])
        except IndexError:
            return 0
        finally:
            writer.close()


class Exchange(asyncio.Protocol):
    """One connection, kept alive; answers go out in the order of the requests."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness
        self._bytes = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, not the class

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while (end := self._bytes.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._bytes[:end].decode("latin-1").split("\r\n")
            headers = {
                name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            stop = end + 4 + int(headers.get("content-length", "0"))
            if len(self._bytes) < stop:
                return
            body, self._bytes = self._bytes[end + 4 : stop], self._bytes[stop:]
            method, path, _ = first.split(" ")
            self._answer(method, path, headers.get("idempotency-key", ""), body)

    def _answer(self, method: str, path: str, key: str, body: bytes) -> None:
        status = self._witness.write(method, path, key, body)
        content = json.dumps({"status": status}).encode()
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
        wait = zlib.crc32(key.encode()) % 1000 / 1000 * SLOWEST_SECONDS
        answer = f"{head}content-length: {len(content)}\r\n\r\n".encode() + content
        asyncio.get_running_loop().call_later(wait, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(port: int, path: Path) -> None:
    witness = Witness(path)
    server = await asyncio.get_running_loop().create_server(lambda: Exchange(witness), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.file))
