"""The command ``patchbay``: finds the module of a command when it is asked for, and turns errors into one line.

Only that module is imported, because starting a hub must not wait for what other commands need.
Exit codes: 0 done, 1 failed (one line on standard error says why), 2 the command line was wrong.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from engine.errors import PatchbayError
from gateway.commands.failures import report_failure

MODULES = {
    "demo": "trying",
    "run": "trying",
    "debug": "debugging",
    "try": "trials",
    "try-node": "trials",
    "check": "definitions",
    "apply": "definitions",
    "workflows": "workflows",
    "executions": "executions",
    "replays": "replays",
    "dead-letters": "dead_letters",
    "approvals": "approvals",
    "secrets": "secrets",
    "keys": "keys",
    "serve": "roles",
    "gateway": "roles",
    "executor": "roles",
    "scheduler": "roles",
    "migrate": "roles",
}
"""Each command and the module in ``gateway.commands`` that has it, in the order of the help."""


class Commands(TyperGroup):
    """The commands by name; each is loaded when it is used, and all of them for the help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name them in the order of ``MODULES``."""
        del ctx
        return list(MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Load one; ``None`` if there is none of that name."""
        module = MODULES.get(cmd_name)
        if module is None:
            return None
        found = get_command(import_module(f"gateway.commands.{module}").app)
        return found.get_command(ctx, cmd_name) if isinstance(found, TyperGroup) else found


app = typer.Typer(
    name="patchbay",
    cls=Commands,
    help="Patchbay: webhooks, schedules and calls become finished workflow executions.",
    epilog="Begin with: patchbay demo. Then: patchbay serve. Settings: docs/operations.md",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer's callbacks are called like this
    if value:
        typer.echo(f"patchbay {version('patchbay-hub')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


def main() -> None:
    """Run one command; the console entry ``patchbay``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows "?" and no traceback
    try:
        app()
    except PatchbayError as error:
        report_failure(error)
    except BaseExceptionGroup as group:
        cause = only_cause(group)
        if cause is None:
            raise
        report_failure(cause)
    else:
        return
    sys.exit(1)


def only_cause(group: BaseExceptionGroup[BaseException]) -> PatchbayError | None:
    """Return the first of our errors if the group holds nothing else: a service that failed ends all the others."""
    ours, others = group.split(PatchbayError)
    if others is not None or ours is None:
        return None
    first: BaseException = ours
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, PatchbayError) else None
