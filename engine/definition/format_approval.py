"""The node that asks people, as data."""

from dataclasses import dataclass
from typing import Any, Final

from engine.definition.format_waits import LIMIT
from engine.definition.json_schemas import JsonSchema
from engine.definition.report import INVALID, Path, Report, describe
from engine.definition.shapes import Either, Field, ListOf, Section
from engine.definition.types import KEY_PATTERN, Boolean, Choice, Number, Template, TemplateOr, Text
from engine.model.base import Json, JsonObject

FIELD: Final = Section(
    noun="a form field",
    fields=(
        Field(
            "key",
            Text(label="key", pattern=KEY_PATTERN, max_length=63, says="a key: a to z first, then a to z, 0 to 9, _"),
            "the name of the value in the decision's `data`",
            required=True,
        ),
        Field("label", Text(max_length=200), "what people read; the key when absent"),
        Field(
            "type",
            Choice(options=("text", "long_text", "number", "integer", "boolean", "choice")),
            "what may be filled in",
            default="text",
        ),
        Field("options", ListOf(type=Text(max_length=200), minimum=1, maximum=100, unique=True), "what to choose from"),
        Field("required", Boolean(), "whether it must be filled in", default=False),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A list of fields, or a JSON Schema of a mapping; read as that schema with the fields' order."""

    label: str = "list of fields, or JSON Schema"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, dict):
            schema = JsonSchema(bounded=True).read(value, at, report)
            return schema if schema is INVALID else (schema, tuple(schema.get("properties", {})))
        if not isinstance(value, list):
            return report.wrong(at, f"must be a list of fields or a JSON Schema, not {describe(value)}")
        fields = ListOf(type=FIELD, minimum=1, maximum=100).read(value, at, report)
        if fields is INVALID or len(fields) < len(value):
            return INVALID
        for index, field in enumerate(fields):
            if not {"key", "type", "required"} <= set(field):
                return INVALID
            if (field["type"] == "choice") is not ("options" in field):
                report.wrong((*at, index), "options stand with type: choice, and only there")
            if any(field["key"] == other["key"] for other in fields[:index] if "key" in other):
                report.wrong((*at, index, "key"), f'there are two fields "{field["key"]}"')
        required = [field["key"] for field in fields if field["required"]]
        schema = {"type": "object", "properties": {each["key"]: _property(each) for each in fields}}
        order = tuple(schema["properties"])
        return {**schema, "required": required, "additionalProperties": False}, order

    def schema(self) -> JsonObject:
        return {"anyOf": [{"type": "array", "items": FIELD.schema(), "minItems": 1}, {"type": "object"}]}


def _property(field: dict[str, Any]) -> JsonObject:
    title = {"title": field.get("label", field["key"])}
    match field["type"]:
        case "choice":
            return {**title, "enum": list(field.get("options", ()))}
        case "text" | "long_text" as kind:
            least = {"minLength": 1} if field["required"] else {}
            return {**title, "type": "string", "maxLength": 500 if kind == "text" else 20_000, **least}
        case kind:
            return {**title, "type": kind}


APPROVAL: Final = Section(
    noun="an approval node",
    doc="Ask people, and go on by what they decide.",
    fields=(
        Field("assignees", Template(), "who is asked: names or addresses, a list or a template of one", required=True),
        Field("title", TemplateOr(type=Text(max_length=200)), "the question in a few words; the node's name if absent"),
        Field("message", TemplateOr(type=Text(max_length=20_000)), "what people should know before they decide"),
        Field("form", Form(), "what whoever approves fills in"),
        Field(
            "required",
            Either(
                word=Choice(options=("any", "all")),
                section=Section(
                    noun="required",
                    fields=(Field("count", Number(minimum=1, maximum=100), "so many must approve", required=True),),
                ),
            ),
            "how many must approve",
            default="any",
        ),
        Field(
            "reject_on",
            Choice(options=("first", "impossible")),
            "what rejects: the `first` rejection, or only so many that not enough can approve any more",
            default="first",
        ),
        LIMIT,
        Field(
            "on_timeout",
            Choice(options=("timeout", "approved", "rejected", "fail")),
            "what happens when the time is up: the port to leave by, or `fail`",
            default="timeout",
        ),
    ),
)
