"""What the engine needs from the outside, as small protocols.

Adapters do not inherit from them; contract tests prove the fit.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.repositories import (
    Access,
    Admissions,
    Arrivals,
    Blobs,
    Children,
    Connections,
    DeadLetters,
    Events,
    Executions,
    Jobs,
    Liveness,
    Partitions,
    Publications,
    Results,
    Splits,
    Triggers,
    Workflows,
)

MAX_IDS_PER_MESSAGE = 32


class Clock(Protocol):
    """The only source of the current time. Tests use one that stands still."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""


class UnitOfWork(Protocol):
    """One transaction. Leaving the context without ``commit`` rolls everything back."""

    workflows: Workflows
    publications: Publications
    splits: Splits
    triggers: Triggers
    events: Events
    executions: Executions
    arrivals: Arrivals
    admissions: Admissions
    children: Children
    results: Results
    blobs: Blobs
    partitions: Partitions
    dead_letters: DeadLetters
    jobs: Jobs
    connections: Connections
    access: Access
    liveness: Liveness

    async def commit(self) -> None:
        """Make all of it durable and visible at once. Raises Unavailable: the database is away."""


class Database(Protocol):
    """Where units of work come from."""

    def write(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a transaction that may write. Raises Unavailable: the database is away; nothing was written."""

    def read(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open one that only reads; it never waits for writers."""

    async def check(self) -> None:
        """Raises Unavailable: the database does not answer, or its schema is not the one this release needs."""


class Message(Protocol):
    """A list of execution ids on its way to an executor."""

    @property
    def ids(self) -> Sequence[ExecutionId]: ...

    @property
    def lane(self) -> Lane: ...

    async def ack(self) -> None:
        """The ids are claimed (or need no claim): forget the message. A lost acknowledgement only repeats it."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A hint that something happened; whoever misses it reads the database."""

    topic: str
    body: bytes


class Broker(Protocol):
    """The transport of ids and hints. Losing or repeating a message is harmless; data never travel."""

    async def publish(self, lane: Lane, ids: Sequence[ExecutionId]) -> None:
        """Send ids, split into messages of at most 32; return when the broker has confirmed them.

        Raises Unavailable: the broker is away; none, some or all ids may have been sent.
        """

    def consume(self, *, prefetch: dict[Lane, int]) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        """Receive messages of all lanes, at most ``prefetch[lane]`` unacknowledged of each.

        Unacknowledged ones come back after the context ends. The iterator survives a broker's restart: it waits,
        reconnects and goes on. A message that came back five times is moved to the dead ones.
        """

    async def depth(self, lane: Lane) -> int:
        """How many messages wait in the lane or are not yet acknowledged. Raises Unavailable."""

    async def take_dead(self, *, limit: int) -> Sequence[ExecutionId]:
        """Remove and return ids of messages that were given up. Raises Unavailable."""

    async def signal(self, topic: str, body: bytes) -> None:
        """Send a hint to whoever listens; it may be lost, and nothing is raised when the broker is away."""

    def signals(self, *patterns: str) -> AbstractAsyncContextManager[AsyncIterator[Signal]]:
        """Listen to topics; ``*`` stands for one word, ``#`` for any number of words, words are divided by dots."""

    async def check(self) -> None:
        """Raises Unavailable: the broker is not connected."""
