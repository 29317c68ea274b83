"""The ``steps`` of a transform node, as data: operations on a list, each called by the field it is named after."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.definition.report import INVALID, Path, Report, nearest
from engine.definition.shapes import Field, ListOf, Section
from engine.definition.types import KEY_PATTERN, Boolean, Choice, Expression, Number, Template, TemplateOr, Text
from engine.model.base import Json, JsonObject
from engine.model.list_steps import ListOperation

MOST_STEPS: Final = 20
_COUNT: Final = TemplateOr(type=Number(minimum=0, maximum=100_000))
_NAME: Final = Text(pattern=KEY_PATTERN, max_length=63, says="a name: a to z first, then a to z, 0 to 9, _")

FIELDS: Final = (
    Field("filter", Expression(), "keep the items for which this is true"),
    Field("sort", Expression(), "put them in the order of this: numbers or texts; null comes last"),
    Field("descending", Boolean(), "with `sort`: the largest first", default=False),
    Field("unique", Expression(), "keep the first of all items that have this in common"),
    Field("group", Expression(), "make one `{key, items}` of all items that have this in common"),
    Field(
        "aggregate",
        Template(mapping=True),
        "a mapping of what to work out from `items`; with `group`, for each group, beside its `key`",
    ),
    Field("split", Expression(), "make one item of each entry of this list inside an item"),
    Field("join", Expression(), "another list, to find the match of each item in"),
    Field("on", Expression(), "with `join`, always: what an item is found by"),
    Field("to", Expression(), "with `join`: the same of an item of the other list; like `on` when absent"),
    Field(
        "as",
        _NAME,
        "the name for what `join` found, which it needs, or for the entry of `split` beside the item's fields",
    ),
    Field(
        "matches",
        Choice(options=("first", "all")),
        "with `join`: put the `first` match in place, or the list of `all`",
        default="first",
    ),
    Field(
        "unmatched",
        Choice(options=("keep", "drop")),
        "with `join`: `keep` items without a match, with null or an empty list, or `drop` them",
        default="keep",
    ),
    Field("limit", _COUNT, "keep so many items"),
    Field("from", _COUNT, "with `limit`: pass over so many first", default=0),
)
"""Every field of a step, for the reference; which of them an operation has is in ``SECTIONS``."""

_BY_NAME: Final = {each.name: each for each in FIELDS}


def _section(operation: ListOperation, *others: str, needs: tuple[str, ...] = ()) -> Section:
    required = (operation, *needs)
    fields = (replace(_BY_NAME[name], required=name in required) for name in (operation, *others, *needs))
    article = "an" if operation is ListOperation.AGGREGATE else "a"
    return Section(noun=f"{article} {operation} step", fields=tuple(fields))


SECTIONS: Final[Mapping[ListOperation, Section]] = {
    ListOperation.FILTER: _section(ListOperation.FILTER),
    ListOperation.SORT: _section(ListOperation.SORT, "descending"),
    ListOperation.UNIQUE: _section(ListOperation.UNIQUE),
    ListOperation.GROUP: _section(ListOperation.GROUP, "aggregate"),
    ListOperation.AGGREGATE: _section(ListOperation.AGGREGATE),
    ListOperation.SPLIT: _section(ListOperation.SPLIT, "as"),
    ListOperation.JOIN: _section(ListOperation.JOIN, "to", "matches", "unmatched", needs=("on", "as")),
    ListOperation.LIMIT: _section(ListOperation.LIMIT, "from"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One step: the section of the operation that it is called by."""

    label: str = "steps"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        known = ", ".join(ListOperation)
        if not isinstance(value, dict):
            return report.wrong(at, "a step must be a mapping", fix=f"write one of {known} with what it needs")
        operation = next((each for each in ListOperation if each in value), None)
        if operation is None:
            fix = nearest(next(iter(value), ""), tuple(ListOperation)) or f"known: {known}"
            return report.wrong(at, "a step must say what it does", fix=fix)
        record = SECTIONS[operation].read(value, at, report)
        return record if record is INVALID else {"operation": operation, **record}

    def schema(self) -> JsonObject:
        return {"oneOf": [section.schema() for section in SECTIONS.values()]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSteps:
    """The steps in their order; nothing follows what gives no list."""

    label: str = "list of steps"

    def read(self, value: Json, at: Path, report: Report) -> Any:
        read = _LIST.read(value, at, report)
        for index, step in enumerate(value[:-1] if isinstance(value, list) else ()):
            if isinstance(step, dict) and ListOperation.AGGREGATE in step and ListOperation.GROUP not in step:
                text = "no step can follow an aggregate, which gives one mapping"
                report.wrong((*at, index), text, fix="put it last, or write it into a group step")
        return read

    def schema(self) -> JsonObject:
        return _LIST.schema()


_LIST: Final = ListOf(type=_Step(), minimum=1, maximum=MOST_STEPS)
