"""The OpenAPI 3.1 description, made from the list of endpoints and the types of their handlers."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct

from engine.model.base import JsonObject
from gateway.endpoints import JSON, Endpoint, RawBody, Shape, shape_of
from gateway.responses import PROBLEM
from gateway.texts import WorkflowText

REF = "#/components/schemas/{name}"
ABOUT = """\
Workflows, their triggers, and what became of every event.

Every operation needs an API key: `Authorization: Bearer pbk_…`, or `X-API-Key: pbk_…`.
Errors are problem documents (RFC 9457) whose `code` is stable.
Lists are newest first; `next` is the `after` of the next page.
Times have a zone, ids are UUIDs, unknown parameters and fields are errors that name the nearest known one.
"""


class ProblemPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong: where (in a text also the line and the column, from 1), what, and what to write."""

    place: str
    message: str
    line: int | None = None
    column: int | None = None
    fix: str | None = None


class ProblemDocument(Struct, frozen=True, kw_only=True):
    """Why a request was refused. Programs look at ``code``; ``detail`` is for people and may change."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    problems: tuple[ProblemPlace, ...] = ()


def describe_api(endpoints: Sequence[Endpoint]) -> JsonObject:
    """Build the description.

    Raises:
        ValueError: Two operations have the same name.
    """
    shapes = {endpoint.handler.__name__: shape_of(endpoint.handler) for endpoint in endpoints}
    if len(shapes) != len(endpoints):
        raise ValueError("two endpoints have handlers of the same name")
    components = _components(shapes.values())
    paths: dict[str, JsonObject] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, shapes[endpoint.handler.__name__], components)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    for shape in shapes.values():
        components.pop(shape.query.__name__, None)  # they were taken apart into parameters
    return {
        "openapi": "3.1.0",
        "info": {"title": "Patchbay", "version": _version(), "description": ABOUT},
        "servers": [{"url": "/api/v1"}],
        "security": [{"bearer": []}, {"key": []}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(endpoint) for endpoint in endpoints)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "an API key"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _components(shapes: Any) -> dict[str, JsonObject]:
    kinds: list[type[Struct]] = [ProblemDocument, WorkflowText]
    for shape in shapes:
        kinds += [kind for kind in (shape.query, shape.body, shape.answer) if kind is not None and kind is not RawBody]
    _, components = msgspec.json.schema_components(dict.fromkeys(kinds), ref_template=REF)
    for schema in components.values():
        schema["description"] = _plain(schema["description"]) if "description" in schema else ""
        if "enum" in schema:
            schema["type"] = "string"
    return dict(components)


def _operation(endpoint: Endpoint, shape: Shape, components: Mapping[str, JsonObject]) -> JsonObject:
    summary, _, rest = cleandoc(endpoint.handler.__doc__ or endpoint.handler.__name__).partition("\n")
    operation: JsonObject = {
        "operationId": endpoint.handler.__name__,
        "tags": [_tag(endpoint)],
        "summary": summary.rstrip("."),
        "description": f"{_plain(rest.strip())}\n\nNeeds the scope `{endpoint.scope.value}`.".strip(),
        "parameters": _parameters(endpoint, shape, components),
        "responses": _responses(endpoint, shape),
    }
    if shape.body is not None:
        operation["requestBody"] = _request_body(endpoint, shape)
    return operation


def _parameters(endpoint: Endpoint, shape: Shape, components: Mapping[str, JsonObject]) -> list[JsonObject]:
    parameters: list[JsonObject] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    schema = components[shape.query.__name__]
    for name, given in schema.get("properties", {}).items():
        parameter: JsonObject = {"name": name, "in": "query", "schema": _not_null(given)}
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")
        parameters.append(parameter)
    headers = {"save_workflow": "If-Match", "execute_workflow": "Idempotency-Key"}
    if endpoint.handler.__name__ in headers:
        name = headers[endpoint.handler.__name__]
        parameters.append({"name": name, "in": "header", "schema": {"type": "string"}})
    return parameters


def _not_null(schema: JsonObject) -> JsonObject:
    """A parameter that is left out has no value; it cannot be null."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    plain = {**options[0]}
    if schema.get("default") not in (None, []):
        plain["default"] = schema["default"]
    else:
        plain.pop("default", None)
    return plain


def _request_body(endpoint: Endpoint, shape: Shape) -> JsonObject:
    if shape.body is RawBody:
        content = {media: {"schema": schema} for media, schema in endpoint.media.items()}
        return {"required": endpoint.media[JSON] != {}, "content": content}
    schema = {"$ref": REF.format(name=shape.body.__name__ if shape.body else "")}
    return {"required": shape.body_required, "content": {JSON: {"schema": schema}}}


def _responses(endpoint: Endpoint, shape: Shape) -> JsonObject:
    responses: JsonObject = {str(status): dict(response) for status, response in endpoint.others.items()}
    if shape.answer is not None:
        content = {JSON: {"schema": {"$ref": REF.format(name=shape.answer.__name__)}}}
        responses[str(endpoint.status)] = {"description": HTTPStatus(endpoint.status).phrase, "content": content}
    elif str(endpoint.status) not in responses:
        responses[str(endpoint.status)] = {"description": HTTPStatus(endpoint.status).phrase}
    problem = {PROBLEM: {"schema": {"$ref": REF.format(name="ProblemDocument")}}}
    for status in sorted(_refusals(endpoint, shape)):
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return responses


def _refusals(endpoint: Endpoint, shape: Shape) -> set[int]:
    statuses = {400, 401, 403, 503, *endpoint.refusals}
    if "{" in endpoint.path:
        statuses.add(404)
    if shape.body is not None:
        statuses |= {413, 415}
    return statuses


def _tag(endpoint: Endpoint) -> str:
    return endpoint.path.split("/")[1]


def _plain(text: str) -> str:
    """Our docstrings write code as reStructuredText does, OpenAPI as Markdown does."""
    return cleandoc(text).replace("``", "`")


def _version() -> str:
    try:
        return version("patchbay-hub")
    except PackageNotFoundError:
        return "0"
