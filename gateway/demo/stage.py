"""What the demo plays on: a hub and a receiver on free ports, in a folder that is thrown away."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
from rich.console import Console

from gateway.auth import create_first_key
from gateway.client import HubClient
from gateway.demo.receiver import Receiver
from gateway.demo.tour import PATIENCE, DemoFailed, Tour
from gateway.embedded import Served, serve_app, serve_embedded
from gateway.serving import bind
from gateway.settings import Settings


async def give_demo(folder: Path, console: Console) -> None:
    """Run the demo in ``folder``, which is empty. Raises DemoFailed."""
    # Loopback may be called because the receiver is there; a hub refuses it unless its operator says otherwise.
    settings = Settings(data_dir=folder, port=0, allow_private=("127.0.0.0/8",), grace=timedelta(seconds=5))
    receiver = Receiver()
    with bind(settings) as listener:
        async with serve_app(receiver.app(), listener) as receiver_url, serve_embedded(settings) as served:
            await _play(served, receiver, receiver_url, console)


async def _play(served: Served, receiver: Receiver, receiver_url: str, console: Console) -> None:
    key = await create_first_key(served.hub)
    if key is None:
        raise DemoFailed("the demo's folder was not empty")
    with HubClient(served.url, key) as hub, httpx.Client(timeout=PATIENCE.total_seconds()) as outside:
        tour = Tour(hub=hub, receiver=receiver, receiver_url=receiver_url, outside=outside, console=console)
        # The tour is written as a person would do it, step by step; the hub goes on in this loop meanwhile.
        await asyncio.to_thread(tour.give)
