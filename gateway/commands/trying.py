"""The commands that need no hub: ``demo`` shows everything once, ``run`` runs one definition once."""

import asyncio
import tempfile
from pathlib import Path

import typer

from gateway.commands.output import console
from gateway.demo.tour import give_tour
from gateway.observability import configure_logging

app = typer.Typer()


@app.command(epilog="Example: patchbay demo")
def demo() -> None:
    """Show a webhook, a schedule and calls become finished executions, in a temporary folder, and clean up."""
    configure_logging(level="error", form="text")
    with tempfile.TemporaryDirectory(prefix="patchbay-demo-") as folder:
        asyncio.run(give_tour(Path(folder), console()))
