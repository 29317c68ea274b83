"""Debugging executions of a running hub from a terminal: start, look, change, step, go on."""

import time
from typing import Annotated, Final

import typer
from rich.text import Text

from engine.errors import InvalidRequest, Unavailable
from engine.model.base import Json, JsonObject
from engine.model.execution import Status
from gateway.client import HubClient, connect, segment
from gateway.commands.inputs import Input, read_input
from gateway.commands.output import AsJson, console, print_json
from gateway.commands.past import LOOK_EVERY_SECONDS, trace_of
from gateway.trace import excerpt, show_trace

app = typer.Typer()
debug = typer.Typer(
    help="Debug executions: breakpoints, one node at a time, look at values and change them.", no_args_is_help=True
)
app.add_typer(debug, name="debug")

LONGEST_VALUE: Final = 300

Id = Annotated[str, typer.Argument(metavar="EXECUTION", help="The id of an execution.")]
Break = Annotated[
    list[str] | None,
    typer.Option("--break", "-b", help="NODE, NODE:after, or either with ' if EXPRESSION'; give it several times."),
]
Step = Annotated[bool, typer.Option("--step", help="Stop before every node.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Seconds to wait until it stands or ends.")]


@debug.command(
    epilog="Example: patchbay debug start paid-orders -i '{\"amount\": 5}' --break 'charge if input.total > 100'"
)
def start(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name or id.")],
    *,
    input: Input = None,
    trigger: Annotated[str, typer.Option(help="The key of a manual trigger, where there are several.")] = "",
    points: Break = None,
    step: Step = False,
    timeout: Timeout = 60,
    as_json: AsJson = False,
) -> None:
    """Start an execution of the published version and run it to its first breakpoint. Its calls are real."""
    body: JsonObject = {"input": read_input(input), "breakpoints": _points(points), "step": step}
    if trigger:
        body["trigger"] = trigger
    with connect() as hub:
        started = hub.post(f"/workflows/{segment(workflow)}/debug", body)
        _show_when_it_rests(hub, started["execution_id"], timeout, as_json=as_json)


@debug.command(epilog="Example: patchbay debug attach 0198f2c4-… --break charge")
def attach(
    execution: Id,
    *,
    points: Break = None,
    step: Step = False,
    published: Annotated[
        bool, typer.Option("--published", help="One that has ended: on the published version.")
    ] = False,
    timeout: Timeout = 60,
    as_json: AsJson = False,
) -> None:
    """Debug an execution from where it rests; one that has ended runs again from its event."""
    body: JsonObject = {
        "breakpoints": _points(points),
        "step": step,
        "version": "published" if published else "same",
    }
    with connect() as hub:
        running = hub.post(f"{_path(execution)}", body)["execution_id"]
        _show_when_it_rests(hub, running, timeout, as_json=as_json)


@debug.command(epilog="Example: patchbay debug show 0198f2c4-…")
def show(execution: Id, *, as_json: AsJson = False) -> None:
    """Show where an execution stands, what runs next, and what it would see."""
    with connect() as hub:
        _show(hub.get(_path(execution)), as_json=as_json)


@debug.command(epilog="Example: patchbay debug step 0198f2c4-…")
def step(execution: Id, *, timeout: Timeout = 60, as_json: AsJson = False) -> None:
    """Run one node, and show where the execution stands then."""
    _go_on(execution, "step", timeout, as_json=as_json)


@debug.command("continue", epilog="Example: patchbay debug continue 0198f2c4-…")
def go_on(execution: Id, *, timeout: Timeout = 60, as_json: AsJson = False) -> None:
    """Run to the next breakpoint, or to the end."""
    _go_on(execution, "continue", timeout, as_json=as_json)


@debug.command(epilog="Example: patchbay debug edit 0198f2c4-… --var threshold=5 --output shape='{\"total\": 7}'")
def edit(
    execution: Id,
    *,
    input: Input = None,
    at: Annotated[str, typer.Option(help="Whose input: a path; by default what runs next.")] = "",
    variables: Annotated[list[str] | None, typer.Option("--var", help="NAME=JSON; give it several times.")] = None,
    outputs: Annotated[list[str] | None, typer.Option("--output", help="NODE=JSON; give it several times.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change the input of the next node, variables, or outputs of earlier steps as they are seen from here on."""
    body: JsonObject = {"at": at, "vars": _pairs(variables, "--var"), "steps": _pairs(outputs, "--output")}
    if input is not None:
        body["input"] = read_input(input)
    with connect() as hub:
        _show(hub.post(f"{_path(execution)}/edit", body), as_json=as_json)


@debug.command("break", epilog="Example: patchbay debug break 0198f2c4-… charge:after 'refund if vars.n > 3'")
def set_breakpoints(
    execution: Id,
    points: Annotated[
        list[str] | None, typer.Argument(metavar="[BREAKPOINT…]", help="All of them; none clears.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Replace the breakpoints of an execution that rests."""
    with connect() as hub:
        _show(hub.put(f"{_path(execution)}/breakpoints", {"breakpoints": _points(points)}), as_json=as_json)


def read_breakpoint(text: str) -> JsonObject:
    """Read ``charge``, ``charge:after`` or ``charge if input.total > 5``. Raises InvalidRequest."""
    place, has_condition, condition = text.partition(" if ")
    node, _, when = place.strip().partition(":")
    if not node or when not in ("", "before", "after") or (has_condition and not condition.strip()):
        raise InvalidRequest(f'"{text}" is no breakpoint; write NODE, NODE:after, or NODE if EXPRESSION')
    return {"node": node, "when": when or "before", "if": condition.strip() or None}


def _points(texts: list[str] | None) -> list[JsonObject]:
    return [read_breakpoint(text) for text in texts or ()]


def _pairs(texts: list[str] | None, option: str) -> JsonObject:
    pairs: JsonObject = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidRequest(f'{option} "{text}" has no "="; write NAME=JSON')
        pairs[name] = read_input(value)
    return pairs


def _path(execution: str) -> str:
    return f"/executions/{segment(execution)}/debug"


def _go_on(execution: str, how: str, timeout: float, *, as_json: bool) -> None:
    with connect() as hub:
        hub.post(f"{_path(execution)}/{how}")
        _show_when_it_rests(hub, execution, timeout, as_json=as_json)


def _show_when_it_rests(hub: HubClient, execution: str, timeout: float, *, as_json: bool) -> None:
    """Wait until an execution stands, waits or has ended; ends with 1 if it failed or was cancelled."""
    until = time.monotonic() + timeout
    resting = {Status.PAUSED.value, Status.WAITING.value}
    while True:
        found: JsonObject = hub.get(f"/executions/{segment(execution)}")
        status = Status(found["status"])
        if status.is_final or status.value in resting:
            break
        if time.monotonic() >= until:
            raise Unavailable(f"the execution {execution} is still {status.value} after {timeout:g} s")
        time.sleep(LOOK_EVERY_SECONDS)
    if not status.is_final:
        _show(hub.get(_path(execution)), as_json=as_json)
        return
    if as_json:
        print_json(found)
    else:
        show_trace(trace_of(hub, found), console())
    if status is not Status.SUCCEEDED:
        raise typer.Exit(1)


def _show(told: JsonObject, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    out, at = console(), told["position"]
    where = f"stands {at['when']} {at['path']}" if at else told["status"]
    out.print(Text.assemble((where, "bold"), f"  {told['execution_id']}"), soft_wrap=True)
    for one in told["ahead"]:
        mark = "waits" if one["waits"] else "next"
        out.print(Text.assemble(f"  {mark:<6}", (one["path"], "cyan"), f" ({one['kind']})"), soft_wrap=True)
        _value("input", one["input"])
        if one["inputs"] not in (None, {}):
            _value("inputs", one["inputs"])
        if one["error"]:
            out.print(Text(f"        error   {one['error']['code']}: {one['error']['message']}", "red"), soft_wrap=True)
    for name, values in (("", told["names"]), ("vars.", told["vars"]), ("steps.", told["outputs"])):
        for key, value in values.items():
            line = Text.assemble(f"  {name}{key}  ", (excerpt(value, LONGEST_VALUE), "bright_black"))
            out.print(line, soft_wrap=True)
    for point in told["breakpoints"]:
        condition = f" if {point['if']}" if point["if"] else ""
        out.print(Text(f"  breakpoint {point['when']} {point['node']}{condition}", "yellow"), soft_wrap=True)
    for record in told["steps"]:
        if record["note"] == "edited":
            out.print(Text(f"  edited  {record['path']}: {'; '.join(record['log'])}", "yellow"), soft_wrap=True)


def _value(name: str, value: Json) -> None:
    console().print(Text(f"        {name:<7} {excerpt(value, LONGEST_VALUE)}", "bright_black"), soft_wrap=True)
