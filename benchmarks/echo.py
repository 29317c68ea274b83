"""The service that W3 calls: answers every HTTP request at once, as cheaply as Python can.

Run with a port, and with a number of seconds to hold each answer back.
"""

import asyncio
import sys
from typing import cast

import httptools
import uvloop

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{"ok":true}'


class Echo(asyncio.Protocol):
    """One connection, kept alive."""

    hold_seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one only in shape
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_complete(self) -> None:
        if self.hold_seconds:
            asyncio.get_running_loop().call_later(self.hold_seconds, self._transport.write, ANSWER)
        else:
            self._transport.write(ANSWER)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    Echo.hold_seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    uvloop.run(serve(int(sys.argv[1])))
