"""Replay jobs of a running hub: replay many executions at a rate, one first; watch, pause, resume and abort them."""

import time
from typing import Annotated

import typer

from engine.model.base import JsonObject
from engine.model.job import ItemState, JobStatus
from gateway.client import HubClient, connect, segment
from gateway.commands.inputs import since_time
from gateway.commands.output import AsJson, moment, print_json, print_table, report

app = typer.Typer()
replays = typer.Typer(
    help="Replay many executions as a job: create, list, show, items, pause, resume, abort.", no_args_is_help=True
)
app.add_typer(replays, name="replays")

COLUMNS = ("replay", "status", "total", "pending", "under way", "succeeded", "failed", "skipped", "created", "reason")
ITEMS = ("execution", "state", "replayed as", "started", "finished", "reason")
SAMPLE = ("execution", "status", "created", "error")
LOOK_EVERY_SECONDS = 0.5

Id = Annotated[str, typer.Argument(metavar="REPLAY", help="The id of a replay job.")]


@replays.command(epilog="Example: patchbay replays create --workflow paid-orders --code remote_unavailable --dry-run")
def create(
    *,
    workflow: Annotated[str, typer.Option(help="The name or id of a workflow.")] = "",
    status: Annotated[list[str] | None, typer.Option(help="failed (usual), succeeded or cancelled; several.")] = None,
    since: Annotated[str, typer.Option(help="How long back, such as 2h or 7d, or a time with its zone.")] = "",
    until: Annotated[str, typer.Option(help="The same, for the newest.")] = "",
    code: Annotated[str, typer.Option(help="The error's code.")] = "",
    fingerprint: Annotated[str, typer.Option(help="That of their dead letters.")] = "",
    text: Annotated[str, typer.Option(help="Found in the result or the error.")] = "",
    handled: Annotated[bool, typer.Option("--handled", help="Also those that were replayed or discarded.")] = False,
    begin: Annotated[str, typer.Option("--from", help="start, failed, or the path of a step.")] = "failed",
    published: Annotated[bool, typer.Option("--published", help="On the published version, from start.")] = False,
    one_first: Annotated[bool, typer.Option(help="Let one succeed before the others follow.")] = True,
    rate: Annotated[str, typer.Option(help="How many a second, minute or hour: 5/s, 100/m.")] = "5/s",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most, the newest.")] = 10_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many, and show some.")] = False,
    as_json: AsJson = False,
) -> None:
    """Replay many executions: one first, then the others at a rate. Look with --dry-run before."""
    given: JsonObject = {
        "workflow": workflow,
        "status": status,
        "since": since_time(since, "--since"),
        "until": since_time(until, "--until"),
        "code": code,
        "fingerprint": fingerprint,
        "text": text,
    }
    order: JsonObject = {name: value for name, value in given.items() if value}
    order |= {"from": begin, "version": "published" if published else "same", "handled": handled}
    order |= {"one_first": one_first, "rate": rate, "limit": limit}
    with connect() as hub:
        if dry_run:
            _preview(hub.post("/replays/preview", order), as_json=as_json)
            return
        job = hub.post("/replays", order)
    report(job, f"replaying; look at it with: patchbay replays show {job['id']} --follow", as_json=as_json)


@replays.command("list", epilog="Example: patchbay replays list")
def list_replays(
    *, limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20, as_json: AsJson = False
) -> None:
    """List replay jobs, newest first."""
    with connect() as hub:
        found = list(hub.pages("/replays", {}, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [_row(job) for job in found], empty="no replay jobs", cut=True)


@replays.command(epilog="Example: patchbay replays show 0198f2c4-… --follow")
def show(
    replay: Id,
    *,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Stay until it is over or paused.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how far a job is."""
    with connect() as hub:
        job = hub.get(f"/replays/{segment(replay)}")
        while following and job["status"] not in (JobStatus.PAUSED.value, *_over()):
            time.sleep(LOOK_EVERY_SECONDS)
            job = hub.get(f"/replays/{segment(replay)}")
    if as_json:
        print_json(job)
    else:
        print_table(COLUMNS, [_row(job)], empty="")


@replays.command(epilog="Example: patchbay replays items 0198f2c4-… --state failed")
def items(
    replay: Id,
    *,
    state: Annotated[ItemState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Show what became of each execution of a job."""
    where = {"state": None if state is None else state.value}
    with connect() as hub:
        found = list(hub.pages(f"/replays/{segment(replay)}/items", where, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_table(ITEMS, [_item(item) for item in found], empty="no executions", cut=True)


@replays.command(epilog="Example: patchbay replays pause 0198f2c4-…")
def pause(replay: Id, *, as_json: AsJson = False) -> None:
    """Replay nothing more until it is resumed; what runs goes on."""
    with connect() as hub:
        _act(hub, replay, "pause", "paused", as_json=as_json)


@replays.command(epilog="Example: patchbay replays resume 0198f2c4-…")
def resume(replay: Id, *, as_json: AsJson = False) -> None:
    """Let a paused job go on."""
    with connect() as hub:
        _act(hub, replay, "resume", "resumed", as_json=as_json)


@replays.command(epilog="Example: patchbay replays abort 0198f2c4-…")
def abort(replay: Id, *, as_json: AsJson = False) -> None:
    """Replay nothing more, for good; what was replayed runs on."""
    with connect() as hub:
        _act(hub, replay, "abort", "aborted", as_json=as_json)


def _act(hub: HubClient, replay: str, act: str, done: str, *, as_json: bool) -> None:
    job = hub.post(f"/replays/{segment(replay)}/{act}")
    report(job, f"{done} {replay}", as_json=as_json)


def _over() -> tuple[str, ...]:
    return tuple(status.value for status in JobStatus if status.is_over)


def _preview(found: JsonObject, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    typer.echo(f"would replay {found['count']}")
    rows = [
        (one["id"], one["status"], moment(one["created_at"]), (one["error"] or {}).get("code", ""))
        for one in found["sample"]
    ]
    print_table(SAMPLE, rows, empty="", cut=True)


def _row(job: JsonObject) -> tuple[str, ...]:
    done = job["progress"]
    counts = (done["total"], done["pending"], done["started"], done["succeeded"], done["failed"], done["skipped"])
    return (job["id"], job["status"], *(str(count) for count in counts), moment(job["created_at"]), job["reason"])


def _item(item: JsonObject) -> tuple[str, ...]:
    return (
        item["execution_id"],
        item["state"],
        item["replayed_as"] or "",
        moment(item["started_at"]),
        moment(item["finished_at"]),
        item["reason"],
    )
