"""Triggers, the hooks they are reached by, and the stamp that tells caches to read again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select, update

from db.repositories.splits import split_of
from db.split_tables import splits
from db.tables import events, hooks, stamps, triggers, workflows
from db.transaction import Transaction
from db.types import one_of
from engine.errors import Conflict, NotFound
from engine.model.base import ProjectId, TriggerId, VersionId, WorkflowId, is_id
from engine.model.split import Split
from engine.model.trigger import Trigger
from engine.model.workflow import TriggerKind, WorkflowStatus
from engine.repositories import StoredRoute

_STAMP = "SELECT value FROM stamps WHERE id = 1"


class TriggerRepository:
    """Triggers in one transaction. Implements ``engine.repositories.Triggers``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def stamp(self) -> int:
        rows = await self._transaction.fetch(_STAMP)  # on the hot path: every group of events reads it
        return int(rows[0][0])

    async def touch(self) -> None:
        """Raise the stamp. Transactions that do so take turns from here to their commit."""
        await self._transaction.run(update(stamps).where(stamps.c.id == 1).values(value=stamps.c.value + 1))

    async def publish(self, workflow_id: WorkflowId, new: Sequence[Trigger]) -> None:
        """Make these the workflow's active triggers; its others become inactive and give up their readable paths.

        A trigger whose key the workflow had before keeps its id, cursor and hook. A ``hook_id`` is stored for one
        that had no hook.

        Raises:
            Conflict: A hook id belongs to another trigger.
        """
        kept = [trigger.key for trigger in new]
        gone = and_(triggers.c.workflow_id == workflow_id, ~one_of(triggers.c.key, kept))
        await self._transaction.run(update(triggers).where(gone).values(active=False, next_due_at=None))
        released = hooks.c.trigger_id.in_(select(triggers.c.id).where(gone))
        await self._transaction.run(update(hooks).where(released).values(path=None))
        for trigger in new:
            stored = await self._put(trigger)
            if trigger.hook_id is not None:
                await self._give_first_hook(stored, trigger.hook_id)

    async def set_hook(self, trigger_id: TriggerId, *, hook_id: str, path: str | None) -> None:
        """Give a trigger its address: this hook id, and this readable path or none, in place of those before.

        Raises:
            Conflict: The path or the id belongs to another trigger; nothing is written.
            NotFound: There is no such trigger.
        """
        project = await self._project(trigger_id)
        same = hooks.c.id == hook_id if path is None else or_(hooks.c.id == hook_id, hooks.c.path == path)
        taken = select(hooks.c.id).where(same, hooks.c.trigger_id != trigger_id)
        if await self._transaction.first(taken) is not None:
            raise Conflict(f'the address "{path or hook_id}" belongs to another trigger; choose another path')
        await self._transaction.run(
            self._transaction.insert(hooks)
            .values(id=hook_id, project_id=project, trigger_id=trigger_id, path=path)
            .on_conflict_do_update(index_elements=[hooks.c.trigger_id], set_={"id": hook_id, "path": path})
        )

    async def route(self, trigger_id: TriggerId) -> StoredRoute | None:
        if not is_id(trigger_id):
            return None
        row = await self._transaction.first(_routes().where(triggers.c.id == trigger_id))
        return None if row is None else _route(row)

    async def by_hook(self, address: str) -> StoredRoute | None:
        """Find by hook id or by readable path; an id wins over somebody's path that looks like it."""
        rows = await self._transaction.rows(_routes().where(or_(hooks.c.id == address, hooks.c.path == address)))
        found = sorted(rows, key=lambda row: row.hook_id != address)
        return _route(found[0]) if found else None

    async def find_by_key(self, workflow_id: WorkflowId, key: str) -> Trigger | None:
        row = await self._transaction.first(
            _routes().where(triggers.c.workflow_id == workflow_id, triggers.c.key == key)
        )
        return None if row is None else _route(row).trigger

    async def list(
        self, project: ProjectId, *, workflow_id: WorkflowId | None = None, kind: TriggerKind | None = None
    ) -> Sequence[StoredRoute]:
        """Active and inactive ones, oldest first."""
        statement = _routes().where(triggers.c.project_id == project)
        if workflow_id is not None:
            statement = statement.where(triggers.c.workflow_id == workflow_id)
        if kind is not None:
            statement = statement.where(triggers.c.kind == kind.value)
        return [_route(row) for row in await self._transaction.rows(statement.order_by(triggers.c.id))]

    async def schedules(self) -> Sequence[StoredRoute]:
        """All active, enabled schedule triggers of active or paused workflows, in every project."""
        statement = _routes().where(
            triggers.c.kind == TriggerKind.SCHEDULE.value,
            triggers.c.active.is_(True),
            triggers.c.enabled.is_(True),
            one_of(workflows.c.status, [WorkflowStatus.ACTIVE.value, WorkflowStatus.PAUSED.value]),
        )
        return [_route(row) for row in await self._transaction.rows(statement.order_by(triggers.c.id))]

    async def advance(self, trigger_id: TriggerId, *, seen: str | None, to: str, next_due_at: datetime | None) -> bool:
        """Move the cursor from ``seen`` to ``to``; false if somebody else moved it. Of two callers one gets true."""
        unmoved: ColumnElement[bool] = triggers.c.cursor.is_(None) if seen is None else triggers.c.cursor == seen
        return await self._transaction.changed(
            update(triggers).where(triggers.c.id == trigger_id, unmoved).values(cursor=to, next_due_at=next_due_at)
        )

    async def _put(self, trigger: Trigger) -> TriggerId:
        """Add a trigger or take over the row of its key; return the id it is stored under."""
        change = {
            "version_id": trigger.version_id,
            "kind": trigger.kind.value,
            "active": True,
            "enabled": trigger.enabled,
        }
        statement = (
            self._transaction.insert(triggers)
            .values(
                id=trigger.id,
                project_id=trigger.project_id,
                workflow_id=trigger.workflow_id,
                key=trigger.key,
                cursor=trigger.cursor,
                next_due_at=trigger.next_due_at,
                **change,
            )
            .on_conflict_do_update(index_elements=[triggers.c.workflow_id, triggers.c.key], set_=change)
            .returning(triggers.c.id)
        )
        return TriggerId(await self._transaction.scalar(statement))

    async def _give_first_hook(self, trigger_id: TriggerId, hook_id: str) -> None:
        await self._transaction.run(
            self._transaction.insert(hooks)
            .values(id=hook_id, project_id=await self._project(trigger_id), trigger_id=trigger_id)
            .on_conflict_do_nothing()
        )
        if await self._transaction.first(select(hooks.c.id).where(hooks.c.trigger_id == trigger_id)) is None:
            raise Conflict(f'the hook id "{hook_id}" belongs to another trigger')

    async def _project(self, trigger_id: TriggerId) -> str:
        found = await self._transaction.scalar(select(triggers.c.project_id).where(triggers.c.id == trigger_id))
        if found is None:
            raise NotFound(f'there is no trigger "{trigger_id}"')
        return str(found)


def _routes() -> Select[Any]:
    last_event = (
        select(events.c.accepted_at)
        .where(events.c.workflow_id == triggers.c.workflow_id, events.c.trigger_id == triggers.c.id)
        .order_by(events.c.id.desc())
        .limit(1)
        .correlate(triggers)
        .scalar_subquery()
    )
    return (
        select(
            triggers,
            hooks.c.id.label("hook_id"),
            workflows.c.status.label("workflow_status"),
            workflows.c.name.label("workflow_name"),
            last_event.label("last_event_at"),
            *(splits.c[name].label(f"split_{name}") for name in Split.__slots__),
        )
        .join(workflows, workflows.c.id == triggers.c.workflow_id)
        .outerjoin(hooks, hooks.c.trigger_id == triggers.c.id)
        .outerjoin(splits, splits.c.workflow_id == triggers.c.workflow_id)
    )


def _route(row: Row[Any]) -> StoredRoute:
    trigger = Trigger(
        id=TriggerId(row.id),
        project_id=ProjectId(row.project_id),
        workflow_id=WorkflowId(row.workflow_id),
        version_id=VersionId(row.version_id),
        key=row.key,
        kind=TriggerKind(row.kind),
        active=row.active,
        enabled=row.enabled,
        cursor=row.cursor,
        last_event_at=row.last_event_at,
        next_due_at=row.next_due_at,
        hook_id=row.hook_id,
        awaited=bool(row.awaited),
    )
    return StoredRoute(
        trigger=trigger,
        workflow_status=WorkflowStatus(row.workflow_status),
        workflow_name=row.workflow_name,
        split=None if row.split_id is None else split_of(row, prefix="split_"),
    )
