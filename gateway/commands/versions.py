"""The versions of workflows in a running hub: what differs between two of them, or from a file."""

from pathlib import Path
from typing import Annotated

import typer

from engine.model.base import JsonObject
from gateway.client import HubClient, Refused, connect, segment
from gateway.commands.output import AsJson, print_json, print_table

versions = typer.Typer()

Key = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name or id.")]


@versions.command(epilog="Example: patchbay workflows diff paid-orders 3 5")
def diff(
    workflow: Key,
    old: Annotated[str, typer.Argument(help="A number, published or latest.")] = "published",
    new: Annotated[str, typer.Argument(help="A number, published or latest.")] = "latest",
    *,
    as_json: AsJson = False,
) -> None:
    """Say what changes from one version to another; by default what publishing the newest one would change."""
    with connect() as hub:
        found = hub.get(f"/workflows/{segment(workflow)}/versions/{segment(old)}/diff", {"to": new})
    if as_json:
        print_json(found)
        return
    typer.echo(f"version {found['before']} to {found['after']}: {found['summary']}")
    show_changes(found)


def plan(hub: HubClient, file: Path, text: str, *, publish: bool) -> JsonObject:
    """Ask what applying a text would change, and change nothing."""
    try:
        name = hub.send_text("POST", "/workflows/check", text)["name"]
        workflow = _find(hub, name)
        if workflow is None:
            return {"file": str(file), "name": name, "would": "be created", "diff": None}
        against = "published" if publish and workflow["published"] else "latest"
        found = hub.send_text("POST", f"/workflows/{segment(name)}/diff?against={against}", text)
    except Refused as error:
        raise Refused(f"{file}: {error}", status=error.status, problem=error.problem) from error
    version = f"{'the published ' if against == 'published' else ''}version {found['before']}"
    return {"file": str(file), "name": name, "would": f"{found['summary']} from {version}", "diff": found}


def show_plan(planned: JsonObject) -> None:
    """Print what applying a text would change."""
    would = planned["would"]
    typer.echo(f"{planned['name']}: {would if planned['diff'] else f'would {would}'}")
    if planned["diff"]:
        show_changes(planned["diff"])


def show_changes(found: JsonObject) -> None:
    """Print the changes of a diff, one to a line."""
    if found["changes"]:
        rows = [(f"  {change['place']}", change["text"]) for change in found["changes"]]
        print_table(("  place", "change"), rows, empty="")


def _find(hub: HubClient, name: str) -> JsonObject | None:
    try:
        found: JsonObject = hub.get(f"/workflows/{segment(name)}")
    except Refused as error:
        if error.status != 404:
            raise
        return None
    return found
