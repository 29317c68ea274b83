"""What one attempt at a node came to. Handlers return these; the planner decides what follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from engine.model.base import Json, JsonObject
from engine.model.execution import Failure, Note, Response
from engine.model.node import MAIN
from engine.model.result import Keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The node did its work and leaves by ``ports``.

    ``response`` is what a respond node sends. ``note`` says that the node did not run, and why. ``log`` is what its
    code wrote to the console. ``keep`` is the wish that the output stand in for other calls.
    """

    output: Json = None
    ports: tuple[str, ...] = (MAIN,)
    assigned: Mapping[str, Json] | None = None
    response: Response | None = None
    note: Note | None = None
    keep: Keep | None = None
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """The node waits until ``due_at``; it has had no effect and the attempt is not used up."""

    due_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The attempt failed. ``retry_after`` is the wait the remote side asked for; ``log`` as in ``Succeeded``."""

    failure: Failure
    retry_after: timedelta | None = None
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The call may or may not have happened. Nobody guesses: a person or a probe decides."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The node has nodes inside, which run now; ``opening`` says which, see ``engine.state.Inside``."""

    opening: JsonObject


Outcome: TypeAlias = Succeeded | Suspended | Failed | Unknown | Opened
