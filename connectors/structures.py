"""Fields that hold other fields: lists, mappings, objects, and JSON of any shape."""

from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Any, ClassVar

from connectors.fields import Field, Wrong, kind_of
from connectors.inputs import check_values, fields_schema
from engine.model.base import Json, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class List(Field):
    """A list, each item checked by ``of``."""

    type: ClassVar[str] = "array"

    of: Field
    min_items: int = 0
    max_items: int = 10_000

    def parse(self, value: Json) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Wrong(f"must be a list, not {kind_of(value)}")
        if not self.min_items <= len(value) <= self.max_items:
            raise Wrong(f"has {len(value)} items; it must have between {self.min_items} and {self.max_items}")
        return [_within(self.of, item, f"[{index}]") for index, item in enumerate(value)]

    def constraints(self) -> JsonObject:
        return {"items": self.of.schema(), "maxItems": self.max_items}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping(Field):
    """A mapping with any keys, each value checked by ``of``."""

    type: ClassVar[str] = "object"

    of: Field
    max_items: int = 1_000

    def parse(self, value: Json) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(f"must be a mapping, not {kind_of(value)}")
        if len(value) > self.max_items:
            raise Wrong(f"has {len(value)} entries; the most is {self.max_items}")
        return {str(key): _within(self.of, item, f".{key}") for key, item in value.items()}

    def constraints(self) -> JsonObject:
        return {"additionalProperties": self.of.schema()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Object(Field):
    """A mapping with the keys of ``fields``."""

    type: ClassVar[str] = "object"

    fields: MappingType[str, Field]

    def parse(self, value: Json) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(f"must be a mapping, not {kind_of(value)}")
        parsed, problems = check_values(self.fields, value)
        if problems:
            place, message = next(iter(problems.items()))
            raise Wrong(message, at=f".{place}")
        return parsed

    def constraints(self) -> JsonObject:
        return fields_schema(self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyJson(Field):
    """Anything that JSON can say."""

    def parse(self, value: Json) -> Json:
        return value

    def schema(self) -> JsonObject:
        described = Field.schema(self)
        del described["type"]
        return described


def _within(declared: Field, value: Json, at: str) -> Any:
    try:
        return declared.parse(value)
    except Wrong as exc:
        raise Wrong(str(exc), at=at + exc.at) from None
