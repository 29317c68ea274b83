"""The versions of workflows in a running hub: what differs, going back to one, and labels."""

from pathlib import Path
from typing import Annotated

import typer

from engine.model.base import JsonObject
from gateway.client import HubClient, Refused, connect, segment
from gateway.commands.output import AsJson, moment, print_json, print_table, report

versions = typer.Typer()

VERSION_COLUMNS = ("version", "saved", "by", "labels", "last published", "by", "note")

Key = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name or id.")]
WHICH = "A number, a label, published, latest or previous."
Label = Annotated[str, typer.Argument(help="A name such as stable.")]


@versions.command(epilog="Example: patchbay workflows diff paid-orders 3 5")
def diff(
    workflow: Key,
    old: Annotated[str, typer.Argument(help=WHICH)] = "published",
    new: Annotated[str, typer.Argument(help=WHICH)] = "latest",
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


@versions.command(epilog="Example: patchbay workflows rollback paid-orders --to 3")
def rollback(
    workflow: Key,
    *,
    to: Annotated[str, typer.Option(help="A number or a label; else the one published before.")] = "",
    note: Annotated[str, typer.Option(help="Why; shown with the version.")] = "",
    as_json: AsJson = False,
) -> None:
    """Publish an earlier version again; without --to the newest before this one that was published, too."""
    body = {name: value for name, value in (("to", to), ("note", note)) if value}
    with connect() as hub:
        done = hub.post(f"/workflows/{segment(workflow)}/rollback", body)
    report(done, f"{done['name']}: back at version {done['published']}", as_json=as_json)


@versions.command(epilog="Example: patchbay workflows label paid-orders stable 3")
def label(
    workflow: Key,
    label: Label,
    version: Annotated[str, typer.Argument(help=WHICH)] = "published",
    *,
    as_json: AsJson = False,
) -> None:
    """Give a version a label, by default the published one; another version that had it loses it."""
    with connect() as hub:
        path = f"/workflows/{segment(workflow)}/versions/{segment(version)}/labels/{segment(label)}"
        done = hub.put(path, None)
    report(done, f"version {done['number']} is {label} now", as_json=as_json)


@versions.command(epilog="Example: patchbay workflows unlabel paid-orders stable")
def unlabel(workflow: Key, label: Label, *, as_json: AsJson = False) -> None:
    """Take a label off the version that has it."""
    with connect() as hub:
        hub.delete(f"/workflows/{segment(workflow)}/versions/{segment(label)}/labels/{segment(label)}")
    report({"label": label, "removed": True}, f"removed the label {label}", as_json=as_json)


def version_row(number: str, version: JsonObject) -> tuple[str, ...]:
    """Return what a list of versions shows of one; ``number`` may bear a mark."""
    return (
        number,
        moment(version["created_at"]),
        version["created_by"],
        ", ".join(version["labels"]),
        moment(version["published_at"]),
        version["published_by"] or "",
        "; ".join(note for note in (version["note"], version["publish_note"]) if note),
    )


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
