"""Forms of approvals as HTML, and what people filled in as JSON again. No script; every text is escaped."""

import json
from collections.abc import Mapping
from html import escape
from typing import Final

from engine.errors import InvalidRequest
from engine.model.approval import Question
from engine.model.base import Json, JsonObject

PREFIX: Final = "field."
_LONG: Final = 500


def fields_html(question: Question, given: Mapping[str, str]) -> str:
    """Return the inputs of a question's form, filled with what was given before."""
    properties = _properties(question)
    required = set((question.form or {}).get("required", ()))
    rows = []
    for key in _ordered(question, properties):
        schema = properties[key]
        label = escape(str(schema.get("title") or key)) + (" *" if key in required else "")
        name = escape(PREFIX + key)
        note = f'<p class="note">{escape(str(schema["description"]))}</p>' if "description" in schema else ""
        field = _input(schema, name, given.get(PREFIX + key))
        rows.append(f'<label for="{name}">{label}</label>{note}{field}')
    return "\n".join(rows)


def read_fields(question: Question, given: Mapping[str, str]) -> Json:
    """Return what was filled in, as the form's schema has it; what was left empty is left out.

    Raises:
        InvalidRequest: A number is none, or what must be JSON is not.
    """
    if question.form is None:
        return None
    properties = _properties(question)
    data: JsonObject = {}
    for key in _ordered(question, properties):
        text = given.get(PREFIX + key, "")
        if properties[key].get("type") == "boolean":
            data[key] = text != ""
        elif text.strip():
            data[key] = _value(key, properties[key], text)
    return data


def _properties(question: Question) -> Mapping[str, JsonObject]:
    found = (question.form or {}).get("properties", {})
    return {key: schema if isinstance(schema, dict) else {} for key, schema in found.items()}


def _ordered(question: Question, properties: Mapping[str, JsonObject]) -> list[str]:
    return [*(key for key in question.order if key in properties), *(k for k in properties if k not in question.order)]


def _input(schema: JsonObject, name: str, given: str | None) -> str:
    value = str(schema.get("default", "")) if given is None else given
    options = schema.get("enum")
    if isinstance(options, list):
        shown = [(_shown(option), _shown(option)) for option in options]
        items = "".join(
            f'<option value="{escape(text)}"{" selected" if text == value else ""}>{escape(label)}</option>'
            for text, label in [("", ""), *shown]
        )
        return f'<select id="{name}" name="{name}">{items}</select>'
    kind = schema.get("type")
    if kind == "boolean":
        ticked = " checked" if value not in ("", "False") else ""
        return f'<input type=checkbox id="{name}" name="{name}" value="true"{ticked}>'
    if kind in ("number", "integer"):
        step = "1" if kind == "integer" else "any"
        return f'<input type=number step="{step}" id="{name}" name="{name}" value="{escape(value)}">'
    if kind != "string" or schema.get("maxLength", _LONG) > _LONG:
        return f'<textarea id="{name}" name="{name}" rows=5>{escape(value)}</textarea>'
    return f'<input id="{name}" name="{name}" value="{escape(value)}">'


def _value(key: str, schema: JsonObject, text: str) -> Json:
    options = schema.get("enum")
    if isinstance(options, list):
        return next((option for option in options if _shown(option) == text), text)
    try:
        match schema.get("type"):
            case "string":
                return text.replace("\r\n", "\n")
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case _:
                return json.loads(text)
    except ValueError as exc:
        raise InvalidRequest(f'"{key}" cannot be read: {text[:100]!r} is no {schema.get("type", "JSON")}') from exc


def _shown(option: Json) -> str:
    return option if isinstance(option, str) else json.dumps(option)
