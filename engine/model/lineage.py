"""Parents and children: an execution that a step of another one started."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model.base import ExecutionId, Json, JsonObject, ProjectId, VersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """Which step started an execution: the parent's step at ``path``, for its ``slot`` (an attempt, or a part of it).

    ``depth`` is the child's: 1 for a child of an execution without parent. ``awaited``: the parent waits for its end.
    ``version_id`` is the version that the child runs; ``None``: the published one.
    """

    execution_id: ExecutionId
    path: str
    slot: str
    depth: int
    awaited: bool
    version_id: VersionId | None = None

    def as_json(self) -> JsonObject:
        """The form in an event's envelope, where expressions see it as ``trigger.parent``."""
        return {
            "execution_id": self.execution_id,
            "path": self.path,
            "slot": self.slot,
            "depth": self.depth,
            "awaited": self.awaited,
            "version_id": self.version_id,
        }


PARENT = "parent"
"""The name in the envelope."""


def parent_of(envelope: Mapping[str, Json]) -> Parent | None:
    """Read what ``Parent.as_json`` wrote into the envelope of an event; ``None`` for one that no step caused."""
    written = envelope.get(PARENT)
    return None if written is None else Parent(**written)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsOrder:
    """What a step spreads: ``parts`` holds the data of each child's event by its slot, a name that is the part's own.

    ``entry`` is what ``Claimed.entry`` tells the child: the node whose body it runs.
    """

    project_id: ProjectId
    execution_id: ExecutionId
    epoch: int
    path: str
    entry: str
    parts: Mapping[str, Json]
