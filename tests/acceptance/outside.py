"""A small HTTP service that remembers what it was asked and answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Outside:
    """``status`` is what it answers with, once ``gate`` is open; ``asked`` the bodies it received."""

    url: str = ""
    status: int = 200
    asked: list[Any] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().splitlines() if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0])) if lengths else b""
        self.asked.append(json.loads(body) if body else None)
        await self.gate.wait()
        content = json.dumps({"number": len(self.asked)}).encode()
        writer.write(
            b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (self.status, len(content), content)
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def open_outside() -> AsyncIterator[Outside]:
    service = Outside()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    async with server:
        service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield service
