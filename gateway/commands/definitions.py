"""Definitions: ``check`` says offline what is wrong with a text and where, ``apply`` brings it into a running hub."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from connectors.http import open_http
from connectors.registry import Registry, find_plugins
from engine.definition import Outside, parse_definition
from engine.definition.cautions import cautions
from engine.errors import InvalidDefinition, InvalidRequest, Problem
from engine.model.base import JsonObject
from gateway.client import HubClient, Refused, connect, segment
from gateway.commands.output import AsJson, console, print_json
from gateway.commands.versions import plan, show_plan
from gateway.outside import outside_of

app = typer.Typer()

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE…", help="Definitions in YAML or JSON; - reads one from stdin.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One text and what is wrong with it; ``name`` is empty then. ``warnings`` are no reason to refuse it."""

    file: str
    text: str
    name: str = ""
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()

    def as_json(self) -> JsonObject:
        return {
            "file": self.file,
            "name": self.name or None,
            "ok": not self.problems,
            "problems": [
                {name: getattr(problem, name) for name in ("place", "message", "line", "column", "fix")}
                for problem in self.problems
            ],
            "warnings": [{"place": warning.place, "message": warning.message} for warning in self.warnings],
        }


@app.command(epilog="Example: patchbay check workflows/*.yaml")
def check(files: Files, *, as_json: AsJson = False) -> None:
    """Say what is wrong with definitions, all of it at once, with line and column. Needs no hub.

    Ends with 1 if anything is wrong. Nodes that are disabled or pinned are pointed out, and are nothing wrong.
    Secrets and connections are looked for when a workflow is published.
    """
    outside = asyncio.run(installed())
    checked = [_check(file, outside) for file in files]
    if as_json:
        print_json([one.as_json() for one in checked])
    else:
        for one in checked:
            _show(one)
    if any(one.problems for one in checked):
        raise typer.Exit(1)


@app.command(epilog="Example: PATCHBAY_API_KEY=pbk_… patchbay apply workflows/*.yaml")
def apply(
    files: Files,
    *,
    publish: Annotated[bool, typer.Option(help="Publish what was saved, so that new events run it.")] = True,
    note: Annotated[str, typer.Option(help="What changed, for the list of versions.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Save definitions in a running hub as new workflows or new versions, and publish them.

    What says the same as the newest version makes no version. A paused workflow that is published is resumed.
    """
    texts = [(file, read_text(file)) for file in files]
    if dry_run:
        _show_plans(texts, publish=publish, as_json=as_json)
        return
    with connect() as hub:
        done = [_apply(hub, file, text, publish=publish, note=note) for file, text in texts]
    if as_json:
        print_json(done)
        return
    for one in done:
        typer.echo(f"{one['name']}: {one['did']}")
        for warning in one["workflow"].get("warnings", ()):
            typer.echo(f"  warning: {warning}")
        for key, url in one["hooks"].items():
            typer.echo(f"  {key}  {url}")


async def installed() -> Outside:
    """Return what definitions may refer to here: the actions of the connectors that are installed."""
    connectors, broken = find_plugins()
    async with open_http() as client:
        return outside_of(Registry(client, connectors=connectors, broken=broken))


def read_text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f'"{file}" cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f'"{file}" is not UTF-8 text: byte {error.start} is wrong') from error


def _check(file: Path, outside: Outside) -> Checked:
    text = read_text(file)
    try:
        definition, _ = parse_definition(text, outside=outside)
    except InvalidDefinition as error:
        return Checked(file=str(file), text=text, problems=error.problems)
    return Checked(file=str(file), text=text, name=definition.name, warnings=cautions(definition))


def _show(checked: Checked) -> None:
    out = console()
    if not checked.problems:
        out.print(Text.assemble(f"{checked.file}: ", ("fine", "green"), f" ({checked.name})"), soft_wrap=True)
        for warning in checked.warnings:
            line = Text.assemble(f"{checked.file}: ", ("warning: ", "yellow"), (warning.place, "cyan"))
            out.print(line.append(f": {warning.message}"), soft_wrap=True)
        return
    lines = checked.text.splitlines()
    for problem in checked.problems:
        where = ":".join(str(part) for part in (checked.file, problem.line, problem.column) if part is not None)
        text = Text.assemble((f"{where}: ", "bold"), (problem.place, "cyan"), f": {problem.message}")
        if problem.fix:
            text.append(f"  ({problem.fix})", "green")
        out.print(text, soft_wrap=True)
        if problem.line is not None and problem.line <= len(lines):
            _show_line(lines[problem.line - 1], problem)
    count = len(checked.problems)
    out.print(Text(f"{checked.file}: {count} {'problem' if count == 1 else 'problems'}", "red"), soft_wrap=True)


def _show_line(line: str, problem: Problem) -> None:
    number = f"{problem.line:5} | "
    out = console()
    out.print(Text(f"{number}{line.expandtabs(1)[:200]}", "bright_black"), soft_wrap=True)
    if problem.column is not None and problem.column <= 200:
        out.print(Text(f"{'':5} | {'':{problem.column - 1}}^", "red"), soft_wrap=True)


def _show_plans(texts: Sequence[tuple[Path, str]], *, publish: bool, as_json: bool) -> None:
    with connect() as hub:
        planned = [plan(hub, file, text, publish=publish) for file, text in texts]
    if as_json:
        print_json(planned)
        return
    for one in planned:
        show_plan(one)


def _apply(hub: HubClient, file: Path, text: str, *, publish: bool, note: str) -> JsonObject:
    try:
        name = hub.send_text("POST", "/workflows/check", text)["name"]
        saved, did = _save(hub, name, text, note=note)
        workflow = saved["workflow"]
        if publish and (workflow["published"] != workflow["latest"] or workflow["status"] == "archived"):
            workflow = hub.post(f"/workflows/{segment(name)}/activate", {})
            did = f"{did}, version {workflow['published']} published"
    except Refused as error:
        raise Refused(f"{file}: {error}", status=error.status, problem=error.problem) from error
    triggers = hub.get(f"/workflows/{segment(name)}/triggers")["items"]
    hooks = {one["key"]: one["hook_url"] for one in triggers if one["active"] and one["hook_url"]}
    return {"file": str(file), "name": name, "did": did, "workflow": workflow, "hooks": hooks}


def _save(hub: HubClient, name: str, text: str, *, note: str) -> tuple[JsonObject, str]:
    body = {"definition": text, "note": note}
    try:
        hub.get(f"/workflows/{segment(name)}")
    except Refused as error:
        if error.status != 404:
            raise
        return hub.post("/workflows", body), "created"
    saved = hub.put(f"/workflows/{segment(name)}", body)
    return saved, f"version {saved['version']['number']} saved" if saved["created"] else "unchanged"
