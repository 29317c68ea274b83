"""The commands that need no hub: ``demo`` shows everything once, ``run`` runs one definition once."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import ConfigurationError
from engine.model.base import JsonObject
from gateway.auth import create_first_key
from gateway.client import HubClient
from gateway.commands.definitions import installed, read_text
from gateway.commands.inputs import Input, read_input
from gateway.commands.output import AsJson, console, print_json
from gateway.commands.past import trace_of
from gateway.commands.running import ephemeral, make_runnable, run_once
from gateway.demo.stage import give_demo
from gateway.embedded import serve_embedded
from gateway.observability import configure_logging
from gateway.settings import PREFIX, Settings, read_settings
from gateway.trace import show_trace

app = typer.Typer()


@app.command(epilog="Example: patchbay demo")
def demo() -> None:
    """Show a webhook, a schedule and calls become finished executions, in a temporary folder, and clean up."""
    configure_logging(level="error", form="text")
    with tempfile.TemporaryDirectory(prefix="patchbay-demo-") as folder:
        asyncio.run(give_demo(Path(folder), console()))


@app.command(epilog='Example: patchbay run examples/fan-out.yaml --input \'{"price": 20, "count": 3}\'')
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A definition in YAML or JSON; - reads stdin.")],
    *,
    input: Input = None,
    trigger: Annotated[str, typer.Option(help="The trigger to start by; a manual one if left out.")] = "",
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds it may take.")] = 60,
    whole: Annotated[bool, typer.Option("--all", help="Show every iteration of long loops.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a definition once with an input, in a hub of its own that is gone afterwards, and show what it did.

    Schedules do not tick and nothing is verified: every trigger waits for this one call. Ends with 1 if it failed.
    """
    configure_logging(level="error", form="text")
    value = read_input(input)
    what = make_runnable(read_text(file), asyncio.run(installed()))
    chosen = what.choose(trigger)
    within = timedelta(seconds=timeout)

    def call(hub: HubClient) -> JsonObject:
        ended = run_once(hub, what, value, trigger=chosen, within=within)
        if as_json:
            print_json(ended)
        elif "steps" in ended:
            show_trace(trace_of(hub, ended, whole=whole), console(), unfold="--all")
        else:
            typer.echo(f"not started: {ended['fate']}, {ended['reason']}")
        return ended

    with ephemeral(_settings()) as settings:
        ended = asyncio.run(_beside(settings, call))
    if ended.get("status") != "succeeded":
        raise typer.Exit(1)


def _settings() -> Settings:
    """What a run takes from the environment: which private networks may be called."""
    name = f"{PREFIX}ALLOW_PRIVATE"
    return read_settings({name: os.environ.get(name, "")})


async def _beside(settings: Settings, call: Callable[[HubClient], JsonObject]) -> JsonObject:
    """Open a hub and make the call in a thread of its own."""
    async with serve_embedded(settings) as served:
        key = await create_first_key(served.hub)
        if key is None:
            raise ConfigurationError(f'the folder "{settings.data_dir}" was not empty')
        with HubClient(served.url, key) as hub:
            return await asyncio.to_thread(call, hub)
