"""The ``steps`` of a transform: operations on a list, one after another."""

from dataclasses import dataclass
from enum import StrEnum

from engine.model.base import Json, JsonObject


class ListOperation(StrEnum):
    """What one step does to the list. A step that has fields of several is the one that stands first here."""

    FILTER = "filter"
    SORT = "sort"
    UNIQUE = "unique"
    GROUP = "group"
    AGGREGATE = "aggregate"
    SPLIT = "split"
    JOIN = "join"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStep:
    """One operation.

    ``by`` is the field the operation is called by: a bare expression; of ``aggregate`` a mapping of templates, of
    ``limit`` a number or a template that gives one. ``aggregate`` is what a ``group`` works out for each of its groups.
    ``alias`` is the field ``as``. Of a ``join`` ``on`` is the key of an item, ``to`` that of an item of the other list
    (``None``: the same expression); ``several`` puts all matches in place and not the first, ``drop`` leaves out items
    without a match. ``start`` is how many items a ``limit`` passes over.
    """

    operation: ListOperation
    by: Json
    descending: bool = False
    aggregate: JsonObject | None = None
    alias: str | None = None
    on: str = ""
    to: str | None = None
    several: bool = False
    drop: bool = False
    start: Json = 0
