"""Executions of a running hub: list them, look at one as a trace, cancel it, start it again."""

import time
from datetime import datetime
from typing import Annotated

import typer

from engine.model.base import JsonObject
from engine.model.execution import Status
from gateway.client import HubClient, connect, segment
from gateway.commands.inputs import Input, read_input, since_time
from gateway.commands.output import AsJson, console, moment, print_json, print_line, print_table, report
from gateway.commands.past import follow, trace_of
from gateway.commands.unfolding import every_step
from gateway.trace import EXCERPT, excerpt, show_trace, span

app = typer.Typer()
executions = typer.Typer(help="Executions: list, look at one, pause, resume, cancel, run again.", no_args_is_help=True)
app.add_typer(executions, name="executions")

COLUMNS = ("execution", "status", "trigger", "created", "took", "result")
FOLLOW_EVERY_SECONDS = 0.5

Id = Annotated[str, typer.Argument(metavar="EXECUTION", help="The id of an execution.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Stay and show what changes; Ctrl-C ends it.")]


@executions.command(
    "list", epilog="Example: patchbay executions list --workflow paid-orders --status failed --since 2h"
)
def list_executions(
    *,
    workflow: Annotated[str, typer.Option(help="The name or id of a workflow.")] = "",
    status: Annotated[list[Status] | None, typer.Option(help="Any of these; give it several times.")] = None,
    since: Annotated[str, typer.Option(help="How long back, such as 2h or 7d, or a time with its zone.")] = "",
    text: Annotated[str, typer.Option(help="Found in the result or the error.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20,
    following: Follow = False,
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    statuses = [one.value for one in status or ()]
    where = {"workflow": workflow, "status": statuses, "text": text, "since": since_time(since, "--since")}
    with connect() as hub:
        found = list(hub.pages("/executions", where, limit=limit))
        if following:
            _follow_list(hub, where, found[::-1], as_json=as_json)
        elif as_json:
            print_json(found)
        else:
            print_table(COLUMNS, [_row(one) for one in found], empty="no executions", cut=True)


@executions.command(epilog="Example: patchbay executions show 0198f2c4-… --follow")
def show(
    execution: Id,
    *,
    whole: Annotated[bool, typer.Option("--all", help="Every iteration of long loops.")] = False,
    following: Follow = False,
    as_json: AsJson = False,
) -> None:
    """Show one execution with its steps; ends with 1 if it failed or was cancelled.

    Of a long loop the first iterations, some that failed and the last one are shown.
    """
    with connect() as hub:
        status = ""
        for told in follow(hub, execution) if following else (hub.get(f"/executions/{segment(execution)}"),):
            status = told["status"]
            if not as_json:
                show_trace(trace_of(hub, told, whole=whole), console())
                continue
            complete = (
                {**told, "steps": every_step(hub, told), "more_steps": 0} if whole and told["more_steps"] else told
            )
            if following:
                print_line(complete)
            else:
                print_json(complete)
    if status in (Status.FAILED.value, Status.CANCELLED.value):
        raise typer.Exit(1)


@executions.command(epilog='Example: patchbay executions cancel 0198f2c4-… --reason "wrong customer"')
def cancel(
    execution: Id, *, reason: Annotated[str, typer.Option(help="Shown with it.")] = "", as_json: AsJson = False
) -> None:
    """End an execution, whatever it does. A call under way may still have its effect."""
    with connect() as hub:
        ended = hub.post(f"/executions/{segment(execution)}/cancel", {"reason": reason})
    report(ended, f"cancelled {execution}", as_json=as_json)


@executions.command(epilog="Example: patchbay executions pause 0198f2c4-…")
def pause(execution: Id, *, as_json: AsJson = False) -> None:
    """Let an execution start no further node until it is resumed. Its time limit goes on counting."""
    with connect() as hub:
        now = hub.post(f"/executions/{segment(execution)}/pause")
    soon = "" if now["status"] == Status.PAUSED.value else ", once the effects under way have ended"
    report(now, f"paused {execution}{soon}", as_json=as_json)


@executions.command(epilog="Example: patchbay executions resume 0198f2c4-…")
def resume(execution: Id, *, as_json: AsJson = False) -> None:
    """Let a paused execution go on where it was."""
    with connect() as hub:
        now = hub.post(f"/executions/{segment(execution)}/resume")
    report(now, f"resumed {execution}, now {now['status']}", as_json=as_json)


@executions.command(epilog="Example: patchbay executions rerun 0198f2c4-…")
def rerun(execution: Id, *, as_json: AsJson = False) -> None:
    """Start a new execution from the same event, on the published version."""
    with connect() as hub:
        fresh = hub.post(f"/executions/{segment(execution)}/rerun")
    report(fresh, f"started {fresh['execution_id']}", as_json=as_json)


@executions.command(epilog="Example: patchbay executions replay 0198f2c4-… --from start --published")
def replay(
    execution: Id,
    *,
    begin: Annotated[str, typer.Option("--from", help="start, failed, or the path of a step.")] = "failed",
    published: Annotated[bool, typer.Option("--published", help="On the published version, from start.")] = False,
    input: Input = None,
    as_json: AsJson = False,
) -> None:
    """Let an execution that has ended run again; by default a failed one goes on from the step that failed.

    --input replaces the data of its event, and needs --from start.
    """
    body: JsonObject = {"from": begin, "version": "published" if published else "same"}
    if input is not None:
        body["input"] = read_input(input)
    with connect() as hub:
        running = hub.post(f"/executions/{segment(execution)}/replay", body)
    report(running, f"replayed; look at it with: patchbay executions show {running['execution_id']}", as_json=as_json)


def _row(execution: JsonObject) -> tuple[str, ...]:
    return (
        execution["id"],
        execution["status"],
        execution["trigger_key"],
        moment(execution["created_at"]),
        _took(execution),
        _result(execution),
    )


def _took(execution: JsonObject) -> str:
    if execution["finished_at"] is None:
        until = f"until {moment(execution['due_at'])}" if execution["due_at"] else ""
        return " ".join(text for text in (until, execution["wait_reason"] and f"({execution['wait_reason']})") if text)
    created, finished = (datetime.fromisoformat(execution[name]) for name in ("created_at", "finished_at"))
    return span(created, finished)


def _result(execution: JsonObject) -> str:
    if execution["error"]:
        return f"{execution['error'].get('code', '')}: {execution['error'].get('message', '')}"[:EXCERPT]
    return "" if execution["output"] is None else excerpt(execution["output"])


def _follow_list(hub: HubClient, where: JsonObject, found: list[JsonObject], *, as_json: bool) -> None:
    """Print executions as they come and as they change, oldest first."""
    known: dict[str, str] = {}
    while True:
        for execution in found:
            if known.get(execution["id"]) != execution["status"]:
                known[execution["id"]] = execution["status"]
                if as_json:
                    print_line(execution)
                else:
                    typer.echo("  ".join(_row(execution)))
        time.sleep(FOLLOW_EVERY_SECONDS)
        found = list(hub.pages("/executions", where, limit=200))[::-1]
