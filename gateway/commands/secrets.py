"""Secrets of a running hub. Values come from a prompt, a file or standard input, never from the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import InvalidRequest
from gateway.client import connect, segment
from gateway.commands.output import AsJson, moment, print_json, print_table, report

app = typer.Typer()
secrets = typer.Typer(help="Secrets: set, list, delete. Values only go in.", no_args_is_help=True)
app.add_typer(secrets, name="secrets")

Name = Annotated[str, typer.Argument(help="The name that definitions use.")]


@secrets.command("set", epilog="Example: printf %s whsec_… | patchbay secrets set orders_signing")
def set_secret(
    name: Name,
    *,
    file: Annotated[
        Path | None, typer.Option(help="Read the value from this file.", exists=True, dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Store a secret, or replace its value. It is read from a file, from standard input, or asked for."""
    value = _value(name, file)
    with connect() as hub:
        stored = hub.put(f"/secrets/{segment(name)}", {"value": value})
    report(stored, f"stored {name}", as_json=as_json)


@secrets.command("list", epilog="Example: patchbay secrets list")
def list_secrets(*, as_json: AsJson = False) -> None:
    """List the names of secrets, and when each was set."""
    with connect() as hub:
        found = hub.get("/secrets")["items"]
    if as_json:
        print_json(found)
    else:
        print_table(("secret", "set"), [(one["name"], moment(one["updated_at"])) for one in found], empty="no secrets")


@secrets.command(epilog="Example: patchbay secrets delete orders_signing")
def delete(name: Name, *, as_json: AsJson = False) -> None:
    """Delete a secret; webhooks that are verified with it refuse every call from then on."""
    with connect() as hub:
        hub.delete(f"/secrets/{segment(name)}")
    report({"name": name, "deleted": True}, f"deleted {name}", as_json=as_json)


def _value(name: str, file: Path | None) -> str:
    if file is not None:
        text = file.read_text(encoding="utf-8")
    elif sys.stdin.isatty():
        return str(typer.prompt(f"value of {name}", hide_input=True))
    else:
        text = sys.stdin.read()
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise InvalidRequest(f'the value of "{name}" is empty')
    return value
