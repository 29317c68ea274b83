"""A/B splits of a workflow's events, in a running hub."""

from typing import Annotated

import typer

from engine.model.base import JsonObject
from gateway.client import connect, segment
from gateway.commands.output import AsJson, moment, print_json, print_table, report
from gateway.commands.versions import WHICH, Key

splits = typer.Typer()


@splits.command(epilog="Example: patchbay workflows split paid-orders 5 10")
def split(
    workflow: Key,
    version: Annotated[str, typer.Argument(help=WHICH)] = "",
    percent: Annotated[int, typer.Argument(min=0, max=99, help="How many of a hundred events go there.")] = 0,
    *,
    end: Annotated[bool, typer.Option("--end", help="Let all events run the published version again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a part of the events run another version; without VERSION, compare the two that share them.

    Publishing a version ends the split.
    """
    path = f"/workflows/{segment(workflow)}/split"
    if end and version:
        raise typer.BadParameter("give a version and a percentage, or --end")
    if version and not percent:
        raise typer.BadParameter("say how many of a hundred events go to the version, from 1 to 99")
    with connect() as hub:
        if end:
            hub.delete(path)
            report({"ended": True}, "all events run the published version again", as_json=as_json)
            return
        found = hub.put(path, {"version": version, "percent": percent}) if version else hub.get(path)
    if as_json:
        print_json(found)
        return
    typer.echo(f"since {moment(found['began_at'])}, by {found['began_by']}")
    columns = ("version", "events", "executions", "failed", "failure rate", "p50", "p95")
    print_table(columns, [_row(outcome) for outcome in found["outcomes"]], empty="")


def _row(outcome: JsonObject) -> tuple[str, ...]:
    rate = outcome["failure_rate"]
    return (
        str(outcome["version"]),
        f"{outcome['percent']} %",
        str(sum(outcome["by_status"].values())),
        str(outcome["by_status"]["failed"]),
        "" if rate is None else f"{rate:.1%}",
        *("" if outcome[name] is None else f"{outcome[name]:.3f} s" for name in ("p50_seconds", "p95_seconds")),
    )
