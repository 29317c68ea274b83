"""What a hub says when it is up: where it is, and at its very first start the key that opens it."""

import typer

from gateway.auth import create_first_key
from gateway.bootstrap import Hub
from gateway.client import DEFAULT_URL

ASKED = '{"item": "pear", "count": 4}'


async def welcome(hub: Hub, url: str) -> None:
    """Print the address and, once in the life of the database, the first API key."""
    key = await create_first_key(hub)
    if key is not None:
        typer.echo("This hub's API key, shown this once (patchbay keys create makes more):")
        typer.echo("")
        typer.echo(f"  export PATCHBAY_API_KEY={key}")
        if url != DEFAULT_URL:
            typer.echo(f"  export PATCHBAY_URL={url}")
        typer.echo("")
        typer.echo("Next, in another terminal:")
        typer.echo("  patchbay apply examples/quote.yaml")
        typer.echo(f'  curl {url}/hooks/quote --json \'{{"item": "pear", "count": 4}}\'')
        typer.echo("  patchbay executions list")
        typer.echo("")
    place = hub.settings.data_dir.resolve()
    typer.echo(f"Patchbay serves {url}, with its API described at {url}/api/docs. Data: {place}. Ctrl-C ends it.")
