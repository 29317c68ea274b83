"""What a person gives a command: JSON for a workflow, and times."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import InvalidJson, InvalidRequest
from engine.model.base import Json, parse_duration

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


def since_time(text: str, option: str) -> str:
    """Return a time for the API: so long ago, or a time as it is, in this machine's zone if it has none; or nothing.

    Raises:
        InvalidRequest: It is neither; the message names the option.
    """
    if not text:
        return ""
    try:
        return (datetime.now(UTC) - parse_duration(text)).isoformat()
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(f'{option} "{text}" is neither a duration such as 2h nor a time') from error
    return (at if at.tzinfo else at.astimezone()).isoformat()
