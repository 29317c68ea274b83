"""What a schema for values may not hold, because checking a value against it could take endless time.

The cost of a check is bounded by the size of the value times the number of schemas that apply, with every reference
written out. So that number has a limit, and a schema that refers to itself, for which it would be endless, is refused.
``unevaluatedProperties`` and ``unevaluatedItems`` look at everything below them again: nested, they double the cost
each time.
"""

from typing import Final

from engine.model.base import Json, JsonObject

MAX_SCHEMAS: Final = 2000
MAX_UNEVALUATED: Final = 3
MAX_REFERENCES: Final = 20
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_SCHEMA: Final = (
    "not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties", "contentSchema",
)  # fmt: skip
_SCHEMAS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED_SCHEMAS: Final = ("properties", "patternProperties", "dependentSchemas", "dependencies")
_UNEVALUATED: Final = ("unevaluatedItems", "unevaluatedProperties")
_REFUSED: Final = ("$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary")


def check_bounds(schema: JsonObject) -> None:
    """Go through a schema with its references written out.

    Raises:
        ValueError: It may not be used; the message says why.
    """
    if schema.get("$schema", DRAFT).rstrip("#") != DRAFT:
        raise ValueError(f'"$schema" names another draft than {DRAFT}')
    todo: list[tuple[Json, tuple[str, ...], int]] = [(schema, (), 0)]
    count = 0
    while todo:
        each, references, unevaluated = todo.pop()
        if not isinstance(each, dict):
            continue
        count += 1
        if count > MAX_SCHEMAS:
            raise ValueError(f"has more than {MAX_SCHEMAS} schemas in it, counting each again where it is referred to")
        _refuse_names(each, is_root=each is schema)
        unevaluated += any(name in each for name in _UNEVALUATED)
        if unevaluated > MAX_UNEVALUATED:
            raise ValueError(f"nests unevaluatedProperties or unevaluatedItems more than {MAX_UNEVALUATED} deep")
        todo += [(below, references, unevaluated) for below in _below(each)]
        if "$ref" in each:
            target, path = _referred(schema, each["$ref"], references)
            todo.append((target, path, unevaluated))


def _refuse_names(schema: JsonObject, *, is_root: bool) -> None:
    for name in _REFUSED:
        if name in schema:
            raise ValueError(f'uses "{name}", which may not be used here')
    if not is_root and "$id" in schema:
        raise ValueError('has "$id" in a part of it; only the whole may have one')


def _below(schema: JsonObject) -> list[Json]:
    found = [schema[name] for name in _SCHEMA if name in schema]
    for name in _SCHEMAS:
        found += schema[name] if isinstance(schema.get(name), list) else ()
    for name in _NAMED_SCHEMAS:
        found += schema[name].values() if isinstance(schema.get(name), dict) else ()
    return found


def _referred(root: JsonObject, reference: Json, before: tuple[str, ...]) -> tuple[Json, tuple[str, ...]]:
    """Return what a reference means, and the references that led there."""
    if reference == "#" or reference in before:
        raise ValueError(f'refers to itself, by "{reference}"')
    if len(before) >= MAX_REFERENCES:
        raise ValueError(f"has more than {MAX_REFERENCES} references that follow from each other")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise ValueError(f'refers to "{reference}"; only references such as #/$defs/… may be used')
    found: Json = root
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            raise ValueError(f'refers to "{reference}", which is not there')
    return found, (*before, reference)
