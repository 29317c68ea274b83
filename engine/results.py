"""Results that stand in for calls: under which key a node's result is kept, where it is looked for, who keeps it.

Two executions that need the same result at the same time both make the call; the later one's result is kept.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import msgspec

from engine.model.action import Effect
from engine.model.base import Json
from engine.model.execution import Claimed, StepRecord
from engine.model.outcome import Outcome, Succeeded
from engine.model.result import Keep, Result, ResultKey
from engine.nodes.base import Attempt, PreparedCall
from engine.ports import Database


class KnownResults(Protocol):
    """Where kept results are looked for."""

    async def find(self, digests: Collection[str], *, now: datetime) -> Mapping[str, Json]:
        """Those that have not expired. Raises Unavailable: the database is away."""


class NoResults:
    """None are kept."""

    async def find(self, digests: Collection[str], *, now: datetime) -> Mapping[str, Json]:
        del digests, now
        return {}


@dataclass(frozen=True, slots=True)
class StoredResults:
    """The ones in the database."""

    database: Database

    async def find(self, digests: Collection[str], *, now: datetime) -> Mapping[str, Json]:
        async with self.database.read() as uow:
            return await uow.results.find(digests, now=now)


@dataclass(frozen=True, slots=True)
class KeepingCall:
    """A call whose result is to be kept."""

    call: PreparedCall
    keep: Keep

    @property
    def effect(self) -> Effect:
        return self.call.effect

    async def perform(self) -> Outcome:
        """Make the call. Raises what the call raises."""
        outcome = await self.call.perform()
        return replace(outcome, keep=self.keep) if isinstance(outcome, Succeeded) else outcome


def wish_to_keep(claimed: Claimed, attempt: Attempt) -> Keep | None:
    """Return how the result of this attempt is kept; ``None``: the node has no cache, or its key is null this time.

    What the node calls and with which inputs as written is part of the key: an edit begins with an empty cache.

    Raises:
        ExpressionError: The key fails.
    """
    node = attempt.node
    if node.cache is None:
        return None
    key = node.cache.key.render(attempt.scope, strict=node.node.strict)
    if key is None:
        return None
    parts = [claimed.project_id, claimed.workflow_id, node.key, node.node.spec, key]
    digest = hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
    where = ResultKey(digest=digest, project_id=claimed.project_id, workflow_id=claimed.workflow_id, node=node.key)
    return Keep(key=where, lifetime=node.cache.lifetime)


def kept(keep: Keep, record: StepRecord) -> Result:
    """Return the result that a step left for others."""
    at = record.finished_at or record.started_at
    return Result(key=keep.key, output=record.output, stored_at=at, expires_at=at + keep.lifetime)
