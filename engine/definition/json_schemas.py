"""The type of a field that holds a JSON Schema of the author's own."""

from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from engine.definition.report import Path, Report, describe, shorten
from engine.definition.schema_bounds import check_bounds
from engine.model.base import Json, JsonObject
from engine.value_schemas import ValueSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSchema:
    """A JSON Schema that needs nothing from outside the definition: a reference to an address would be fetched.

    ``bounded``: values of executions are checked against it, so that no check may take long.
    """

    label: str = "JSON Schema"
    bounded: bool = False

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, dict):
            return report.wrong(at, f"must be a JSON Schema, not {describe(value)}")
        reference = _outside(value)
        if reference is not None:
            return report.wrong(
                at, f'refers to "{shorten(reference)}"', fix="only references such as #/$defs/… may be used"
            )
        try:
            jsonschema_rs.meta.validate(value)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            return report.wrong(at, f"is no JSON Schema: {shorten(reason, 200)}")
        return self._read_bounded(value, at, report) if self.bounded else value

    def _read_bounded(self, value: JsonObject, at: Path, report: Report) -> Any:
        try:
            check_bounds(value)
        except ValueError as error:
            return report.wrong(at, shorten(str(error), 300))
        try:
            ValueSchema(value)
        except ValueError as error:
            return report.wrong(at, f"is no JSON Schema: {shorten(str(error), 200)}")
        return value

    def schema(self) -> JsonObject:
        return {"type": "object"}


def _outside(schema: Json) -> str | None:
    """Return the first reference that leaves the schema; ``$schema`` may name a known draft only."""
    if isinstance(schema, list):
        return next((found for entry in schema if (found := _outside(entry))), None)
    if not isinstance(schema, dict):
        return None
    for name, value in schema.items():
        if name in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
            return value
        if name == "$schema" and isinstance(value, str) and "json-schema.org/" not in value:
            return value
        if name not in ("const", "enum", "default", "examples") and (found := _outside(value)):
            return found
    return None
