"""A workflow's text as people send it: the text itself in YAML or JSON, or JSON that holds the text and a note."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.errors import InvalidRequest, Problem
from engine.model.base import JsonObject
from gateway.endpoints import JSON, RawBody
from gateway.inputs import Body, read_object
from gateway.requests import parse_json

TEXT_SCHEMA: JsonObject = {"type": "string", "description": "the workflow's text"}
MEDIA: dict[str, JsonObject] = {
    "application/yaml": TEXT_SCHEMA,
    "text/yaml": TEXT_SCHEMA,
    "application/x-yaml": TEXT_SCHEMA,
    "text/plain": TEXT_SCHEMA,
    JSON: {
        "anyOf": [{"$ref": "#/components/schemas/WorkflowText"}, {"type": "object", "required": ["name", "nodes"]}],
        "description": "the workflow itself, or its text with a note",
    },
}
"""The content types of a text. Without any it is looked at: JSON begins with a brace."""


class WorkflowText(Body, frozen=True, kw_only=True):
    """A workflow with a note about this version. ``definition`` is its text, or the same as a JSON object."""

    definition: str | dict[str, Any]
    note: Annotated[str, Meta(max_length=2000)] = ""


def read_text(body: RawBody) -> WorkflowText:
    """Read a workflow's text from a request.

    Raises:
        InvalidJson: It was sent as JSON and is none.
        InvalidRequest: It is empty, or not UTF-8.
    """
    if not body.data.strip():
        raise InvalidRequest("the body is empty; send the workflow's text")
    try:
        text = body.data.decode()
    except UnicodeDecodeError as exc:
        raise InvalidRequest(f"the text is not UTF-8: byte {exc.start} is wrong") from exc
    if body.media != JSON:
        return WorkflowText(definition=text)
    value = parse_json(body.data)
    if isinstance(value, dict) and "definition" in value:
        return read_object(value, WorkflowText)
    return WorkflowText(definition=text)


def text_of(given: WorkflowText) -> str:
    """The text to store: as it was sent, or an object written out. Raises InvalidRequest: it is empty."""
    if isinstance(given.definition, str):
        if not given.definition.strip():
            problem = Problem(place="definition", message="is empty", fix="send the workflow's text")
            raise InvalidRequest("the request is malformed", problems=(problem,))
        return given.definition
    return msgspec.json.format(msgspec.json.encode(given.definition), indent=2).decode()
