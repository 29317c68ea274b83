"""What a hub says when it is up: where it is, and at its very first start the key that opens it."""

import typer

from gateway.bootstrap import Hub


async def welcome(hub: Hub, url: str) -> None:
    """Print the address and, once in the life of the database, the first API key."""
    typer.echo(f"Patchbay serves {url}  (data in {hub.settings.data_dir.resolve()}; Ctrl-C ends it)")
