"""What a person gives a workflow: JSON on the command line, in a file, or on standard input."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import InvalidJson, InvalidRequest
from engine.model.base import Json

Input = Annotated[str | None, typer.Option("--input", "-i", help="JSON, or @FILE, or - for standard input.")]


def read_input(given: str | None) -> Json:
    """Return the value that ``--input`` names; ``None`` without one.

    Raises:
        InvalidRequest: The file cannot be read.
        InvalidJson: It is not JSON; the message says where.
    """
    if given is None:
        return None
    text, name = _text(given)
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidJson(f"{name} is not JSON: {error}") from error
    except RecursionError as error:
        raise InvalidJson(f"{name} is nested too deeply") from error


def _text(given: str) -> tuple[str, str]:
    if given == "-":
        return sys.stdin.read(), "standard input"
    if not given.startswith("@"):
        return given, "--input"
    try:
        return Path(given[1:]).read_text(encoding="utf-8"), given[1:]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f'"{given[1:]}" cannot be read: {error}') from error
