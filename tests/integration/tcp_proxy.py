"""A TCP proxy that can cut its connections, or freeze them: sockets stay open and nothing arrives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Stands between a client and ``host:port``."""

    def __init__(self, direct_url: str, host: str, port: int) -> None:
        self.direct_url = direct_url
        self.url = ""
        self.port = 0
        self.connections = 0
        self._host, self._port = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._swallowed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:  # the server is away, which the client shall see as it is
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer))
                group.create_task(self._pump(far_reader, writer))
        finally:
            self._writers -= {writer, far_writer}
            for one in (writer, far_writer):
                one.transport.abort()

    def cut(self) -> None:
        """End all connections at once; new ones flow."""
        for writer in self._writers:
            writer.transport.abort()
        self.thaw()

    def freeze(self) -> None:
        self._swallowed.clear()
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    async def until_swallowed(self) -> None:
        """Wait until something was sent into the frozen proxy."""
        await self._swallowed.wait()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if not self._flowing.is_set():
                    self._swallowed.set()
                    await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def open_proxy(direct_url: str, host: str | None, port: int | None) -> AsyncIterator[Proxy]:
    """Stand between a client and a server; ``url`` is for RabbitMQ, ``port`` for any server."""
    proxy = Proxy(direct_url, host or "127.0.0.1", port or 5672)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    listening = server.sockets[0].getsockname()[1]
    proxy.port = listening
    proxy.url = f"amqp://guest:guest@127.0.0.1:{listening}/"
    try:
        yield proxy
    finally:
        proxy.cut()
        server.close()
        await server.wait_closed()
