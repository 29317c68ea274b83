"""Dead letters of a running hub: executions that wait for a person."""

from enum import StrEnum
from typing import Annotated

import typer

from engine.model.base import JsonObject
from gateway.client import connect, segment
from gateway.commands.output import AsJson, console, moment, print_json, print_table, report
from gateway.commands.past import read_trace
from gateway.trace import show_trace

app = typer.Typer()
letters = typer.Typer(help="Dead letters: list, look at one, replay, discard.", no_args_is_help=True)
app.add_typer(letters, name="dead-letters")

COLUMNS = ("dead letter", "state", "step", "code", "message", "fingerprint", "created")

Id = Annotated[str, typer.Argument(metavar="DEAD-LETTER", help="The id of a dead letter.")]


class State(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@letters.command("list", epilog="Example: patchbay dead-letters list --fingerprint 3f2a…")
def list_letters(
    *,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = State.OPEN,
    everything: Annotated[bool, typer.Option("--all", help="Those that are dealt with as well.")] = False,
    fingerprint: Annotated[str, typer.Option(help="Only those that probably have the same cause.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, newest first; by default those that are open."""
    wanted = None if everything or state is None else state.value
    with connect() as hub:
        found = list(hub.pages("/dead-letters", {"state": wanted, "fingerprint": fingerprint}, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [_row(letter) for letter in found], empty="no dead letters")


@letters.command(epilog="Example: patchbay dead-letters show 0198f2c4-…")
def show(letter: Id, *, as_json: AsJson = False) -> None:
    """Show a dead letter and the execution that it is about."""
    with connect() as hub:
        found = hub.get(f"/dead-letters/{segment(letter)}")
        if as_json:
            print_json(found)
            return
        print_table(COLUMNS, [_row(found)], empty="")
        typer.echo("")
        show_trace(read_trace(hub, found["execution_id"]), console())


@letters.command(epilog="Example: patchbay dead-letters replay 0198f2c4-…")
def replay(letter: Id, *, as_json: AsJson = False) -> None:
    """Put its execution back: it goes on from the step that failed, on the version that it ran on."""
    with connect() as hub:
        done = hub.post(f"/dead-letters/{segment(letter)}/replay")
    report(done, f"replayed; look at it with: patchbay executions show {done['execution_id']}", as_json=as_json)


@letters.command(epilog="Example: patchbay dead-letters discard 0198f2c4-…")
def discard(letter: Id, *, as_json: AsJson = False) -> None:
    """Mark it as dealt with; its execution stays failed."""
    with connect() as hub:
        done = hub.post(f"/dead-letters/{segment(letter)}/discard")
    report(done, f"discarded {letter}", as_json=as_json)


def _row(letter: JsonObject) -> tuple[str, ...]:
    return (
        letter["id"],
        letter["state"],
        letter["step"] or "",
        letter["code"],
        letter["message"][:120],
        letter["fingerprint"][:12],
        moment(letter["created_at"]),
    )
