"""A whole hub for a moment: in this process, in a temporary folder or one that is given, reachable over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from starlette.applications import Starlette

from db.migrate import migrate
from gateway.app import create_app
from gateway.bootstrap import Hub, open_hub
from gateway.serving import bind, run_server, url_of
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Served:
    """An open hub and where it answers."""

    hub: Hub
    url: str


@asynccontextmanager
async def open_embedded(settings: Settings) -> AsyncIterator[Hub]:
    """Open a hub with all roles on a database that is made if it is not there."""
    await migrate(settings.sql_url)
    async with open_hub(settings) as hub:
        yield hub


@asynccontextmanager
async def serve_embedded(settings: Settings) -> AsyncIterator[Served]:
    """The same, answering HTTP on ``settings.port`` (0: a free one)."""
    async with open_embedded(settings) as hub, serve_app(create_app(hub), settings) as url:
        yield Served(hub, url)


@asynccontextmanager
async def serve_app(app: Starlette, settings: Settings) -> AsyncIterator[str]:
    """Answer HTTP with ``app`` until the context ends; yields the URL once it listens."""
    listening, stop = asyncio.Event(), asyncio.Event()

    async def started() -> None:
        listening.set()

    async with AsyncExitStack() as stack:
        listener = bind(settings)
        stack.callback(listener.close)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        group.create_task(run_server(app, listener, stop, started=started, grace=timedelta(seconds=1)))
        stack.callback(stop.set)
        await listening.wait()
        yield url_of(listener)
