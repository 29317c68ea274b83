"""Where commands write: tables and colours for people, one JSON document and nothing else for programs."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.model.base import Json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, and nothing else.")]

WIDE = 160
"""Columns where standard output is no terminal and so has no width of its own."""


def console() -> Console:
    """Return a console on standard output; colours only on a terminal, and not with NO_COLOR."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def print_json(value: Json) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_line(value: Json) -> None:
    """Print one JSON document on a line of its own, for a stream of them."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def report(value: Json, text: str, *, as_json: bool) -> None:
    """Say what was done: ``value`` to programs, ``text`` to people."""
    if as_json:
        print_json(value)
    else:
        typer.echo(text)


def moment(text: str | None) -> str:
    """Return a time of the API in this machine's zone; nothing for no time."""
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}" if text else ""


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str, cut: bool = False) -> None:
    """Print a table, or one line where there is nothing to show.

    The first column, which people copy from, stays whole. ``cut``: the last one ends where the terminal does.
    """
    if not rows:
        typer.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        ends = cut and place == len(columns) - 1
        table.add_column(column, overflow="ellipsis" if ends else "fold", no_wrap=ends or place == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)
