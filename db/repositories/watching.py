"""Telling those who wait for an execution that it has ended, in the transaction that ends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from db.repositories.arrivals import ArrivalRepository
from db.repositories.queueing import Announced
from db.resume_tables import waits
from db.tables import executions
from db.transaction import Transaction
from db.types import one_of
from engine.model.arrival import Arrival, Awaited
from engine.model.base import EventId, ExecutionId, ProjectId

_KINDS = [Awaited.CHILD.value, Awaited.EXECUTION.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A watched execution that ends. Whoever waits names it by its id, or by its event's, which is known earlier."""

    id: ExecutionId
    event_id: EventId
    succeeded: bool
    at: datetime


async def tell_watchers(transaction: Transaction, ended: Sequence[Ended]) -> Announced:
    """Store an arrival for each step that waits for one of these, and wake its execution if nobody else holds it.

    One that is held at this moment is woken by the resumer, so that no two transactions can wait for each other.
    """
    subjects = {subject: each for each in ended for subject in (each.id, each.event_id)}
    waiting = one_of(waits.c.subject, sorted(subjects)) & one_of(waits.c.kind, _KINDS)
    found = await transaction.rows(select(waits).where(waiting).order_by(waits.c.execution_id, waits.c.path))
    if not found:
        return []
    await transaction.run(delete(waits).where(waiting))
    arrivals = ArrivalRepository(transaction)
    for row in found:
        end = subjects[row.subject]
        arrival = Arrival(
            execution_id=ExecutionId(row.execution_id),
            path=row.path,
            subject=row.subject,
            kind=Awaited(row.kind),
            payload={"execution_id": end.id},
            arrived_at=end.at,
            urgent=not end.succeeded,
        )
        await arrivals.add(ProjectId(row.project_id), [arrival])
    ids = sorted({ExecutionId(row.execution_id) for row in found})
    return await arrivals.wake(await arrivals.ready(limit=len(ids), ids=ids), now=ended[0].at)


async def tell_of_failure(transaction: Transaction, ids: Sequence[ExecutionId], *, at: datetime) -> Announced:
    """The same for executions that were ended from outside a moment ago, in this transaction."""
    watched = select(executions.c.id, executions.c.event_id).where(
        one_of(executions.c.id, ids), executions.c.watched.is_(True)
    )
    ended = [
        Ended(id=ExecutionId(row.id), event_id=EventId(row.event_id), succeeded=False, at=at)
        for row in await transaction.rows(watched)
    ]
    return await tell_watchers(transaction, ended) if ended else []
