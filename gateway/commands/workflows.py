"""Workflows of a running hub: look at them, start one, pause, resume, archive, delete."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from engine.errors import InvalidRequest
from engine.model.base import JsonObject
from engine.model.workflow import WorkflowStatus
from gateway.client import connect, segment
from gateway.commands.inputs import Input, read_input
from gateway.commands.output import AsJson, console, moment, print_json, print_table, report
from gateway.commands.past import trace_of, wait_for_end
from gateway.commands.splits import splits
from gateway.commands.versions import VERSION_COLUMNS, version_row, versions
from gateway.trace import show_trace

app = typer.Typer()
workflows = typer.Typer(help="Workflows: list, show, execute, pause, resume, archive, delete.", no_args_is_help=True)
app.add_typer(workflows, name="workflows")
workflows.add_typer(versions)
workflows.add_typer(splits)

COLUMNS = ("workflow", "status", "published", "latest", "updated", "description")

Key = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name or id.")]


@workflows.command("list", epilog="Example: patchbay workflows list --status active")
def list_workflows(
    *,
    status: Annotated[WorkflowStatus | None, typer.Option(help="Only those in this state.")] = None,
    name: Annotated[str, typer.Option(help="A part of the name.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 200,
    as_json: AsJson = False,
) -> None:
    """List workflows, newest first."""
    where = {"status": status.value if status else None, "name": name}
    with connect() as hub:
        found = list(hub.pages("/workflows", where, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [_row(one) for one in found], empty="no workflows; bring one in with: patchbay apply FILE")


@workflows.command(epilog="Example: patchbay workflows show paid-orders --text > paid-orders.yaml")
def show(
    workflow: Key,
    *,
    text: Annotated[bool, typer.Option("--text", help="Print the newest version's text, and nothing else.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a workflow with its versions, its triggers and their hooks."""
    with connect() as hub:
        path = f"/workflows/{segment(workflow)}"
        found = hub.get(path)
        if text:
            typer.echo(hub.get(f"{path}/versions/{found['latest']}")["text"], nl=False)
            return
        versions, triggers = hub.get(f"{path}/versions")["items"], hub.get(f"{path}/triggers")["items"]
    if as_json:
        print_json({**found, "versions": versions, "triggers": triggers})
        return
    print_table(COLUMNS, [_row(found)], empty="")
    typer.echo("")
    rows = [(one["key"], one["type"], _stands(one), one["hook_url"] or _due(one)) for one in triggers]
    print_table(("trigger", "type", "", "hook or next time"), rows, empty="never published")
    typer.echo("")
    marked = [(f"{one['number']}{'*' if one['published'] else ''}", one) for one in versions]
    print_table(VERSION_COLUMNS, [version_row(number, one) for number, one in marked], empty="")


@workflows.command(epilog='Example: patchbay workflows execute fan-out --input \'{"price": 20, "count": 3}\'')
def execute(
    workflow: Key,
    *,
    input: Input = None,
    trigger: Annotated[str, typer.Option(help="The key of a manual trigger, where there are several.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait for its end and show it; ends with 1 if it failed.")] = True,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait at most.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Start an execution of a workflow in the hub, and show what it did."""
    value = read_input(input)
    with connect() as hub:
        path = f"/workflows/{segment(workflow)}/execute"
        started = hub.post(path, value, params={"trigger": trigger} if trigger else None)
        if not wait or started["execution_id"] is None:
            report(started, f"{started['fate']}: {started['execution_id'] or started['reason']}", as_json=as_json)
            return
        ended = wait_for_end(hub, started["execution_id"], within=timedelta(seconds=timeout))
        if as_json:
            print_json(ended)
        else:
            show_trace(trace_of(hub, ended), console())
    if ended["status"] != "succeeded":
        raise typer.Exit(1)


@workflows.command(epilog="Example: patchbay workflows publish paid-orders --version 3")
def publish(
    workflow: Key,
    *,
    version: Annotated[
        int | None, typer.Option(min=1, help="An older version rolls back; the newest if left out.")
    ] = None,
    label: Annotated[str, typer.Option(help="The version with this label.")] = "",
    note: Annotated[str, typer.Option(help="Why; shown with the version.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a version the one that new events run."""
    given = {"version": version, "label": label, "note": note}
    with connect() as hub:
        body = {name: value for name, value in given.items() if value}
        done = hub.post(f"/workflows/{segment(workflow)}/activate", body)
    said = [f"{done['name']}: version {done['published']} published"]
    said += [f"  warning: {warning}" for warning in done.get("warnings", ())]
    report(done, "\n".join(said), as_json=as_json)


@workflows.command(epilog="Example: patchbay workflows pause paid-orders")
def pause(workflow: Key, *, as_json: AsJson = False) -> None:
    """Stop starting executions; events are held unless the definition rejects them."""
    _change(workflow, "pause", as_json=as_json)


@workflows.command(epilog="Example: patchbay workflows resume paid-orders")
def resume(workflow: Key, *, as_json: AsJson = False) -> None:
    """Start executions again; held events follow in their order."""
    _change(workflow, "resume", as_json=as_json)


@workflows.command(epilog="Example: patchbay workflows archive paid-orders")
def archive(workflow: Key, *, as_json: AsJson = False) -> None:
    """Take a workflow out of use; its history stays."""
    _change(workflow, "archive", as_json=as_json)


@workflows.command(epilog="Example: patchbay workflows delete paid-orders --yes")
def delete(
    workflow: Key, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False, as_json: AsJson = False
) -> None:
    """Delete an archived workflow or a draft, with its whole history."""
    if not yes and not sys.stdin.isatty():
        raise InvalidRequest("this deletes the history as well; say --yes")
    if not yes:
        typer.confirm(f"delete {workflow} with all its executions?", abort=True)
    with connect() as hub:
        hub.delete(f"/workflows/{segment(workflow)}")
    report({"name": workflow, "deleted": True}, f"deleted {workflow}", as_json=as_json)


def _change(workflow: str, act: str, *, as_json: bool) -> None:
    with connect() as hub:
        done = hub.post(f"/workflows/{segment(workflow)}/{act}")
    report(done, f"{done['name']}: {done['status']}", as_json=as_json)


def _row(workflow: JsonObject) -> tuple[str, ...]:
    return (
        workflow["name"],
        workflow["status"],
        str(workflow["published"] or ""),
        str(workflow["latest"]),
        moment(workflow["updated_at"]),
        workflow["description"],
    )


def _stands(trigger: JsonObject) -> str:
    if not trigger["active"]:
        return "not in the published version"
    return "" if trigger["enabled"] else "disabled"


def _due(trigger: JsonObject) -> str:
    return moment(trigger["state"]["next_due_at"])
