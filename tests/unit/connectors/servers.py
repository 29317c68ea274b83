"""A real HTTP server on 127.0.0.1 that answers with exactly the bytes a test wants, and remembers what it was sent."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    names: list[str] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = bytes | None
Responder = Callable[[Received], Answer | Awaitable[Answer]]


@dataclass(slots=True)
class StubServer:
    """Scripted by ``respond``: bytes are sent as they are, ``None`` closes the connection."""

    port: int = 0
    respond: Responder = lambda _: answer()
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    scheme: str = "http"
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if (task := asyncio.current_task()) is not None:
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        try:
            while (request := await read_request(reader)) is not None:
                self.received.append(request)
                response = self.respond(request)
                if response is not None and not isinstance(response, bytes):
                    response = await response
                if response is None:
                    break
                writer.write(response)
                await writer.drain()
                if b"connection: close" in response.lower():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> Received | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, body, [text.partition(": ")[0].lower() for text in lines])


def answer(body: bytes | str = b"{}", *, status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    """Return the bytes of a well-formed response; header names are given with underscores."""
    content = body.encode() if isinstance(body, str) else body
    given = {"content-type": kind, "content-length": str(len(content))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status} Status\r\n{lines}\r\n".encode() + content


@asynccontextmanager
async def stub_server(context: ssl.SSLContext | None = None) -> AsyncIterator[StubServer]:
    server = StubServer(scheme="https" if context else "http")
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in server.tasks:
            task.cancel()
        while server.tasks:
            await asyncio.wait(server.tasks)
