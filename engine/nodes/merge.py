"""Merge nodes: combine what arrived on several edges, in the order of the edges."""

from engine.errors import InvalidInput
from engine.model.base import Json, JsonObject
from engine.model.node import MergeSpec
from engine.model.outcome import Succeeded
from engine.nodes.base import Attempt


def run(attempt: Attempt) -> Succeeded:
    """Combine the arrivals as ``combine`` says: ``list``, ``object``, ``first`` or ``concat``.

    Raises:
        InvalidInput: ``object`` met something that is no mapping, or ``concat`` something that is no list.
    """
    spec = attempt.node.node.spec
    assert isinstance(spec, MergeSpec)  # noqa: S101  the definition's kinds and specs go together
    arrivals = [(token.source, token.output) for token in attempt.visit.arrivals]
    values = [value for _, value in arrivals] or [attempt.input]
    match spec.combine:
        case "first":
            return Succeeded(output=values[0])
        case "object":
            return Succeeded(output=_merged(arrivals))
        case "concat":
            return Succeeded(output=_concatenated(arrivals))
        case _:
            return Succeeded(output=values)


def _merged(arrivals: list[tuple[str, Json]]) -> JsonObject:
    merged: JsonObject = {}
    for source, value in arrivals:
        if not isinstance(value, dict):
            raise InvalidInput(f'combine: object needs mappings, but "{source}" gave {_kind(value)}')
        merged.update(value)
    return merged


def _concatenated(arrivals: list[tuple[str, Json]]) -> list[Json]:
    items: list[Json] = []
    for source, value in arrivals:
        if not isinstance(value, list):
            raise InvalidInput(f'combine: concat needs lists, but "{source}" gave {_kind(value)}')
        items.extend(value)
    return items


def _kind(value: Json) -> str:
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
