"""Values checked against the fields of an action or a connection, all of them together."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from connectors.fields import Field, Wrong
from engine.errors import InvalidInput
from engine.model.base import Json, JsonObject


def parse_values(fields: Mapping[str, Field], values: Mapping[str, Json], *, what: str = "input") -> dict[str, Any]:
    """Return the values as an action gets them, with defaults filled in.

    Raises:
        InvalidInput: At least one is wrong, missing or unknown; the message names all of them and what to change.
    """
    parsed, problems = check_values(fields, values)
    if problems:
        listed = "; ".join(f'{what} "{place}" {message}' for place, message in problems.items())
        raise InvalidInput(listed)
    return parsed


def check_values(fields: Mapping[str, Field], values: Mapping[str, Json]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the parsed values and, by place, what is wrong with the others. ``null`` counts as left out."""
    parsed: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, declared in fields.items():
        value = values.get(name)
        if value is None and declared.required:
            problems[name] = "is missing; give it a value" if name not in values else "is null; give it a value"
        elif value is None:
            parsed[name] = declared.default
        else:
            try:
                parsed[name] = declared.parse(value)
            except Wrong as exc:
                problems[name + exc.at] = str(exc)
    for name in values:
        if name not in fields:
            close = get_close_matches(name, fields, n=1)
            known = f'did you mean "{close[0]}"?' if close else f"known are {', '.join(fields) or 'none'}"
            problems[name] = f"is unknown; {known}"
    return parsed, problems


def fields_schema(fields: Mapping[str, Field]) -> JsonObject:
    """Describe fields together as the JSON Schema of an object."""
    return {
        "type": "object",
        "properties": {name: declared.schema() for name, declared in fields.items()},
        "required": [name for name, declared in fields.items() if declared.required],
        "additionalProperties": False,
    }
