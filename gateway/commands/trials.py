"""Trying out in a running hub: a text on a stored event, and one node alone. Nothing is sent unless one says so."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from engine.errors import InvalidJson, InvalidRequest
from engine.model.base import Json, JsonObject
from engine.trials.single import Effects
from gateway.client import HubClient, connect, segment
from gateway.commands.definitions import read_text
from gateway.commands.inputs import Input, read_input
from gateway.commands.output import AsJson, console, print_json
from gateway.trace import excerpt

app = typer.Typer()

MARKS: Final = {
    "same": ("=", "bright_black"),
    "output_changed": ("~", "yellow"),
    "other_path": ("~", "yellow"),
    "other_ending": ("!", "red"),
    "other_inputs": ("!", "red"),
    "newly_called": ("+", "red"),
    "no_longer_called": ("-", "red"),
    "newly_run": ("+", "yellow"),
    "no_longer_run": ("-", "yellow"),
}
LONGEST_VALUE: Final = 60

Execution = Annotated[str, typer.Option(help="The id of a stored execution.")]
Workflow = Annotated[str, typer.Option(help="Its name or id; by default the one that the text names.")]
Version = Annotated[str, typer.Option(help="A number, a label, published, latest or previous; without a file.")]


@app.command("try", epilog="Example: patchbay try paid-orders.yaml --event 0198f2c4-…")
def try_out(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A text; - reads stdin.")] = None,
    *,
    event: Annotated[str, typer.Option(help="The id of a stored event.")] = "",
    execution: Execution = "",
    workflow: Workflow = "",
    version: Version = "latest",
    answer: Annotated[
        list[str] | None, typer.Option(help="NODE=JSON: what a call gets instead of being made; give it several times.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a text would have done with a stored event, and how that differs from what was done.

    Nothing is sent: calls get the answers that the stored execution got. Ends with 1 if anything differs.
    """
    if bool(event) is bool(execution):
        raise InvalidRequest("say what to try it on, with --event or with --execution")
    body: JsonObject = {"version": version, "answers": dict(map(_answer, answer or ()))}
    body |= {"event_id": event} if event else {"execution_id": execution}
    with connect() as hub:
        name = _put_text(hub, body, file, workflow)
        trial = hub.post(f"/workflows/{segment(name)}/trials", body)
    if as_json:
        print_json(trial)
    else:
        _show(trial, name)
    if not trial["alike"]:
        raise typer.Exit(1)


@app.command("try-node", epilog='Example: patchbay try-node paid-orders shape --trigger \'{"data": {"amount": 5}}\'')
def try_node(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name or id.")],
    node: Annotated[str, typer.Argument(metavar="NODE", help="The key of a node.")],
    *,
    input: Input = None,
    steps: Annotated[str | None, typer.Option(help="JSON: outputs of other nodes by their keys.")] = None,
    variables: Annotated[str | None, typer.Option("--vars", help="JSON: variables by their names.")] = None,
    trigger: Annotated[str | None, typer.Option(help="JSON: what expressions see as trigger.")] = None,
    execution: Execution = "",
    visit: Annotated[str, typer.Option(help="The path of one visit, such as charge#2.")] = "",
    file: Annotated[Path | None, typer.Option(help="A text that is not saved, instead of a version.")] = None,
    version: Version = "latest",
    effects: Annotated[
        Effects, typer.Option(help="none shows a call, recorded answers it, real makes it.")
    ] = Effects.NONE,
    as_json: AsJson = False,
) -> None:
    """Run one node alone and show what it gives. What is not given is taken from the execution, if one is named.

    Ends with 1 if it fails.
    """
    body: JsonObject = {"version": version, "visit": visit, "effects": effects.value}
    given = {"input": input, "steps": steps, "vars": variables, "trigger": trigger}
    body |= {name: read_input(text) for name, text in given.items() if text is not None}
    if execution:
        body["execution_id"] = execution
    if file is not None:
        body["definition"] = read_text(file)
    with connect() as hub:
        ran = hub.post(f"/workflows/{segment(workflow)}/nodes/{segment(node)}/run", body)
    if as_json:
        print_json(ran)
    else:
        _show_node(ran)
    if ran["status"] in ("failed", "unknown"):
        raise typer.Exit(1)


def _put_text(hub: HubClient, body: JsonObject, file: Path | None, workflow: str) -> str:
    """Put the text into the order; return the workflow's name."""
    if file is None:
        if not workflow:
            raise InvalidRequest("name a file with the text to try, or the --workflow whose version is meant")
        return workflow
    body["definition"] = read_text(file)
    return workflow or str(hub.send_text("POST", "/workflows/check", body["definition"])["name"])


def _answer(given: str) -> tuple[str, JsonObject]:
    name, equals, text = given.partition("=")
    if not equals:
        raise InvalidRequest(f'--answer "{given}" has no "="; write NODE=JSON')
    try:
        return name, {"output": json.loads(text)}
    except ValueError as error:
        raise InvalidJson(f"--answer {name}: what stands after the = is not JSON: {error}") from error


def _show(trial: JsonObject, name: str) -> None:
    out, after = console(), trial["after"]
    was = f", was {trial['before']['status']}" if trial["before"] else ""
    head = Text.assemble((name, "bold"), f" on event {trial['event_id']}: {after['status']}{was}; {trial['summary']}")
    out.print(head, soft_wrap=True)
    for caution in trial["cautions"]:
        out.print(Text(f"  note: {caution}", "yellow"), soft_wrap=True)
    width = max((len(step["path"]) for step in trial["steps"]), default=0)
    for step in trial["steps"]:
        mark, style = MARKS.get(step["verdict"], ("?", "red"))
        line = Text.assemble("  ", (mark, style), f"  {step['path']:<{width}}  ", (step["text"], style))
        out.print(line, soft_wrap=True)
        for side in ("inputs", "output"):
            for change in step[side]:
                out.print(Text(f"       {side}{_change(change)}", "bright_black"), soft_wrap=True)
    if after["error"]:
        out.print(Text(f"  error: {after['error']['code']}: {after['error']['message']}", "red"), soft_wrap=True)
    elif after["reason"]:
        out.print(Text(f"  {after['reason']}", "yellow"), soft_wrap=True)
    for change in trial["output"]:
        out.print(Text(f"  result{_change(change)}", "yellow"), soft_wrap=True)


def _change(change: JsonObject) -> str:
    at = f".{change['path']}" if change["path"] and not change["path"].startswith("[") else change["path"]
    if change["kind"] == "added":
        return f"{at}: {_short(change['after'])} (new)"
    if change["kind"] == "removed":
        return f"{at}: no longer {_short(change['before'])}"
    return f"{at}: {_short(change['before'])} -> {_short(change['after'])}"


def _short(value: Json) -> str:
    return excerpt(value, LONGEST_VALUE)


def _show_node(ran: JsonObject) -> None:
    out = console()
    ports = f" by {', '.join(ran['ports'])}" if ran["ports"] else ""
    answered = f" ({ran['answered_by']} answer)" if ran["answered_by"] not in (None, "nobody") else ""
    note = f" ({ran['note']}, did not run)" if ran["note"] else ""
    head = f" {ran['status'].replace('_', ' ')}{ports}{answered}{note} in {ran['duration_ms']:.1f} ms"
    out.print(Text.assemble((ran["path"], "bold"), head), soft_wrap=True)
    for name in ("input", "inputs", "output", "assigned"):
        if ran[name] not in (None, {}):
            out.print(Text.assemble(f"  {name:<8}  ", (excerpt(ran[name], 2000), "bright_black")), soft_wrap=True)
    for line in ran["log"]:
        out.print(Text(f"  console   {line}"), soft_wrap=True)
    if ran["due_at"]:
        out.print(Text(f"  waits until {ran['due_at']} ({ran['wait_reason']})", "yellow"), soft_wrap=True)
    if ran["error"]:
        out.print(Text(f"  error     {ran['error']['code']}: {ran['error']['message']}", "red"), soft_wrap=True)
