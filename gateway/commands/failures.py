"""How a command says that it failed: one red line on standard error, further lines for what belongs to it."""

import sys

import typer

from engine.errors import InvalidDefinition, PatchbayError


def report_failure(error: PatchbayError) -> None:
    """Write ``error: …``; several problems get a line each."""
    text = str(error) or error.code
    if isinstance(error, InvalidDefinition) and len(error.problems) > 1:
        text = f"the definition has {len(error.problems)} problems\n{text}"
    first, *more = text.splitlines()
    label = typer.style("error:", fg=typer.colors.RED, bold=True) if sys.stderr.isatty() else "error:"
    typer.echo(f"{label} {first}", err=True)
    for line in more:
        typer.echo(f"  {line}", err=True)
