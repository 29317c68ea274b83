"""A whole hub for a moment: in this process, in a temporary folder or one that is given, reachable over HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from starlette.applications import Starlette

from db.migrate import migrate
from gateway.app import create_app
from gateway.bootstrap import Hub, open_hub
from gateway.serving import bind, run_server, url_of, with_port
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Served:
    """An open hub and where it answers."""

    hub: Hub
    url: str


@asynccontextmanager
async def serve_embedded(settings: Settings) -> AsyncIterator[Served]:
    """Open a hub with all roles, on a database that is made if it is not there, and answer on ``settings.port``."""
    with bind(settings) as listener:
        bound = with_port(settings, listener)
        await migrate(bound.sql_url)
        async with open_hub(bound) as hub, serve_app(create_app(hub), listener) as url:
            yield Served(hub, url)


@asynccontextmanager
async def serve_app(app: Starlette, listener: socket.socket) -> AsyncIterator[str]:
    """Answer HTTP with ``app`` until the context ends; yields the URL once it listens."""
    listening, stop = asyncio.Event(), asyncio.Event()

    async def started() -> None:
        listening.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(run_server(app, listener, stop, started=started, grace=timedelta(seconds=1)))
        await listening.wait()
        try:
            yield url_of(listener)
        finally:
            stop.set()
