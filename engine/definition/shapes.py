"""The types of the format that hold other types: sections, lists, mappings, and a word or a section."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Final, TypeAlias

from engine.definition.report import INVALID, Path, Report, describe, nearest, shorten
from engine.definition.types import KEY_PATTERN, FieldType, Text, not_yet
from engine.model.base import Json, JsonObject

Record: TypeAlias = dict[str, Any]
"""A section that was read: each field that is right, with defaults for the absent ones."""

_KEY: Final = Text(pattern=KEY_PATTERN, max_length=63, says="a key")


@dataclass(frozen=True, slots=True)
class Field:
    """One field: ``default`` is written as an author would write it; ``None`` means that there is none.

    ``missing`` is the fix shown where a required field is missing.
    """

    name: str
    type: FieldType
    doc: str
    _: KW_ONLY
    required: bool = False
    default: Json = None
    missing: str | None = None

    def default_value(self) -> Any:
        """Return the default in the model's form."""
        return self.type.read(self.default, (self.name,), Report())


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A mapping with known fields.

    Of the fields in ``exactly_one`` one must stand there; those in ``later`` are planned; those in ``without`` are
    common to other kinds and make no sense here, ``instead`` says what does; an ``open`` section lets unknown fields
    through as they are, for those who know them.
    """

    noun: str
    fields: tuple[Field, ...]
    doc: str = ""
    exactly_one: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    instead: str = ""
    open: bool = False
    label: str = "mapping"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, dict):
            return report.wrong(at, f"{self.noun} must be a mapping, not {describe(value)}")
        self._refuse_unknown(value, at, report)
        self._refuse_several(value, at, report)
        known = {each.name for each in self.fields}
        record: Record = {name: entry for name, entry in value.items() if self.open and name not in known}
        for each in self.fields:
            if each.name in value:
                got = each.type.read(value[each.name], (*at, each.name), report)
                if got is not INVALID:
                    record[each.name] = got
            elif each.required:
                report.wrong((*at, each.name), f'"{each.name}" is missing', fix=each.missing or f"it is {each.doc}")
            elif each.default is not None:
                record[each.name] = each.default_value()
        return record

    def _refuse_unknown(self, value: JsonObject, at: Path, report: Report) -> None:
        known = [each.name for each in self.fields]
        for name in value:
            if name in self.later:
                report.wrong((*at, name), not_yet(name), key=True)
            elif name not in known and not self.open:
                text = f'"{shorten(name)}" is not a field of {self.noun}'
                fix = self.instead if name in self.without and self.instead else nearest(name, known)
                report.wrong((*at, name), text, fix=fix, key=True)

    def _refuse_several(self, value: JsonObject, at: Path, report: Report) -> None:
        present = [name for name in self.exactly_one if name in value]
        if not self.exactly_one or len(present) == 1 or any(name in value for name in self.later):
            return
        names = ", ".join(self.exactly_one[:-1]) + " or " + self.exactly_one[-1]
        found = "both " * (len(present) == 2) + " and ".join(present) if present else "none"
        report.wrong(at, f"{self.noun} needs exactly one of {names}, and has {found}")

    def schema(self) -> JsonObject:
        result: JsonObject = {
            "type": "object",
            "properties": {each.name: field_schema(each) for each in self.fields},
        }
        if required := [each.name for each in self.fields if each.required]:
            result["required"] = required
        if self.exactly_one:
            result["oneOf"] = [{"required": [name]} for name in self.exactly_one]
        if not self.open:
            result["additionalProperties"] = False
        if self.doc:
            result["description"] = self.doc
        return result


def field_schema(each: Field) -> JsonObject:
    """Return the schema of a field's value with its documentation."""
    default: JsonObject = {} if each.default is None else {"default": each.default}
    return {**each.type.schema(), "description": each.doc.replace("`", "") + ".", **default}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list of values of one type, with at least ``minimum`` and at most ``maximum`` entries."""

    type: FieldType
    minimum: int = 0
    maximum: int = 10_000
    unique: bool = False

    @property
    def label(self) -> str:
        return f"list of {self.type.label}"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, list):
            fix = f"write [{value}]" if isinstance(value, str | int) and len(str(value)) < 80 else None
            return report.wrong(at, f"must be a list, not {describe(value)}", fix=fix)
        if not self.minimum <= len(value) <= self.maximum:
            return report.wrong(at, f"must have {self.minimum} to {self.maximum} entries, has {len(value)}")
        if self.unique:
            for index, entry in enumerate(value):
                if entry in value[:index]:
                    report.wrong((*at, index), f"{describe(entry)} stands here twice", fix="keep one of the two")
        read = [self.type.read(entry, (*at, index), report) for index, entry in enumerate(value)]
        return [entry for entry in read if entry is not INVALID]

    def schema(self) -> JsonObject:
        lower: JsonObject = {"minItems": self.minimum} if self.minimum else {}
        unique: JsonObject = {"uniqueItems": True} if self.unique else {}
        return {"type": "array", "items": self.type.schema(), "maxItems": self.maximum, **lower, **unique}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOrMany:
    """A value or a list of such values; always read as a list."""

    type: FieldType

    @property
    def label(self) -> str:
        return f"{self.type.label}, or a list of them"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if isinstance(value, list):
            return ListOf(type=self.type, minimum=1, maximum=1000, unique=True).read(value, at, report)
        one = self.type.read(value, at, report)
        return one if one is INVALID else [one]

    def schema(self) -> JsonObject:
        return {"anyOf": [self.type.schema(), ListOf(type=self.type, minimum=1, maximum=1000, unique=True).schema()]}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """A mapping from keys that people choose to values of one type."""

    type: FieldType
    noun: str
    minimum: int = 0
    maximum: int = 1000

    @property
    def label(self) -> str:
        return f"mapping of {self.noun}{'es' if self.noun.endswith('ch') else 's'} by key"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, dict):
            return report.wrong(at, f"must be a mapping, not {describe(value)}")
        if len(value) < self.minimum:
            report.wrong(at, f"there is no {self.noun}", fix=f"add at least one {self.noun}")
        if len(value) > self.maximum:
            return report.wrong(at, f"there are {len(value)} {self.noun}s, at most {self.maximum} are allowed")
        record: Record = {}
        for name, entry in value.items():
            _check_key(name, (*at, name), report=report, noun=self.noun)
            got = self.type.read(entry, (*at, name), report)
            if got is not INVALID:
                record[name] = got
        return record

    def schema(self) -> JsonObject:
        return {
            "type": "object",
            "propertyNames": {"pattern": KEY_PATTERN},
            "additionalProperties": self.type.schema(),
            "minProperties": self.minimum,
            "maxProperties": self.maximum,
        }


def _check_key(name: str, at: Path, *, report: Report, noun: str) -> None:
    quiet = Report()
    if _KEY.read(name, at, quiet) is INVALID:
        fix = "a key begins with a to z, then has a to z, 0 to 9 and _, at most 63 in all"
        report.wrong(at, f'"{shorten(name)}" cannot be the key of a {noun}', fix=fix, key=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """A word, or a section that says more; ``section`` reads a mapping, ``word`` anything else."""

    word: FieldType
    section: Section

    @property
    def label(self) -> str:
        names = ", ".join(each.name for each in self.section.fields)
        return f"{self.word.label}, or `{{{names}}}`"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        return (self.section if isinstance(value, dict) else self.word).read(value, at, report)

    def schema(self) -> JsonObject:
        return {"anyOf": [self.word.schema(), self.section.schema()]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """A section whose fields depend on its ``type``: ``kinds`` by name, ``common`` to all, ``later`` planned."""

    noun: str
    kinds: Mapping[str, Section]
    common: tuple[Field, ...] = ()
    later: tuple[str, ...] = ()
    common_later: tuple[str, ...] = ()
    label: str = "mapping"
    _merged: dict[str, Section] = field(default_factory=dict, init=False, repr=False, compare=False)

    def section(self, kind: str) -> Section:
        """Return the section of a kind with the common fields, where it has none of that name; without ``type``."""
        if kind not in self._merged:
            own = self.kinds[kind]
            special = {*(each.name for each in own.fields), *own.without}
            common = [each for each in self.common if each.name not in special]
            later = [name for name in self.common_later if name not in special]
            self._merged[kind] = replace(own, fields=(*own.fields, *common), later=(*own.later, *later))
        return self._merged[kind]

    def read(self, value: Json, at: Path, report: Report) -> Any:
        if not isinstance(value, dict):
            return report.wrong(at, f"a {self.noun} must be a mapping, not {describe(value)}", fix="begin with type: …")
        kind = value.get("type")
        known = ", ".join(self.kinds)
        if "type" not in value:
            return report.wrong((*at, "type"), '"type" is missing', fix=f"known: {known}")
        if not isinstance(kind, str) or kind not in self.kinds:
            if isinstance(kind, str) and kind in self.later:
                return report.wrong((*at, "type"), not_yet(kind))
            fix = nearest(kind, self.kinds) if isinstance(kind, str) else f"known: {known}"
            return report.wrong((*at, "type"), f"{describe(kind)} is not a type of {self.noun}", fix=fix)
        rest = {name: entry for name, entry in value.items() if name != "type"}
        record = self.section(kind).read(rest, at, report)
        return {"type": kind, **record}

    def schema(self) -> JsonObject:
        return {"oneOf": [{"$ref": f"#/$defs/{self.noun}_{kind}"} for kind in self.kinds]}

    def definitions(self) -> JsonObject:
        """Return one schema per kind, for ``$defs``."""
        result: JsonObject = {}
        for kind in self.kinds:
            schema = self.section(kind).schema()
            word = {"const": kind, "description": f"The type of {self.noun}."}
            schema["properties"] = {"type": word, **schema["properties"]}
            schema["required"] = ["type", *schema.get("required", [])]
            result[f"{self.noun}_{kind}"] = schema
        return result
