"""Open approvals of a running hub: list them, approve, reject."""

from typing import Annotated

import typer

from engine.model.base import JsonObject
from gateway.client import connect, segment
from gateway.commands.inputs import Input, read_input
from gateway.commands.output import AsJson, moment, print_json, print_table, report

app = typer.Typer()
approvals = typer.Typer(help="Approvals: list the open ones, approve, reject.", no_args_is_help=True)
app.add_typer(approvals, name="approvals")

COLUMNS = ("approval", "title", "asked", "answers", "until", "execution")

Id = Annotated[str, typer.Argument(metavar="APPROVAL", help="The id of an open approval.")]
As = Annotated[str, typer.Option("--as", help="For which assignee, where several are asked.")]
Comment = Annotated[str, typer.Option(help="Why; kept with the decision.")]


@approvals.command("list", epilog="Example: patchbay approvals list --assignee ann@example.com")
def list_approvals(
    *,
    assignee: Annotated[str, typer.Option(help="Only where this one is asked and has not answered.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List open approvals, oldest first."""
    with connect() as hub:
        found = list(hub.pages("/approvals", {"assignee": assignee}, limit=limit))
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [_row(one) for one in found], empty="no open approvals")


@approvals.command(epilog="Example: patchbay approvals approve 0198f2c4-… --as ann --input '{\"limit\": 5}'")
def approve(approval: Id, *, who: As = "", comment: Comment = "", input: Input = None, as_json: AsJson = False) -> None:
    """Approve; --input is what the form asks for."""
    body: JsonObject = {"comment": comment}
    if input is not None:
        body["data"] = read_input(input)
    _decide(approval, "approve", body, who=who, as_json=as_json)


@approvals.command(epilog='Example: patchbay approvals reject 0198f2c4-… --comment "too expensive"')
def reject(approval: Id, *, who: As = "", comment: Comment = "", as_json: AsJson = False) -> None:
    """Reject."""
    _decide(approval, "reject", {"comment": comment}, who=who, as_json=as_json)


def _decide(approval: str, how: str, body: JsonObject, *, who: str, as_json: bool) -> None:
    if who:
        body["as"] = who
    with connect() as hub:
        done = hub.post(f"/approvals/{segment(approval)}/{how}", body)
    report(
        done,
        f"decided: {done['decision']}" if done["decision"] else "counted; others are asked as well",
        as_json=as_json,
    )


def _row(one: JsonObject) -> tuple[str, ...]:
    return (
        one["id"],
        one["title"],
        ", ".join(one["assignees"]),
        f"{len(one['answers'])} of {one['needed']}",
        moment(one["due_at"]) if one["due_at"] else "",
        one["execution_id"],
    )
