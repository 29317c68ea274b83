"""Connections: authorised accounts at services. Credentials are held in a type that hides them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.model.base import ConnectionId, JsonObject, ProjectId


class Credentials(Mapping[str, str]):
    """The secret content of a connection. ``repr`` shows the names only."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self._values))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A named account at one connector's service; ``config`` is its part that is no secret."""

    id: ConnectionId
    project_id: ProjectId
    name: str
    connector: str
    config: JsonObject
    created_at: datetime
    updated_at: datetime
