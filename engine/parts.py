"""Spreading one node's work over child executions: each runs the body of that node, of the same version, on its part.

A part is a child like any other: started once, under the lock of its parent, cancelled with it, and its end wakes the
parent, at once if it failed, else when all parts have ended. Parts are no events of the workflow's trigger: they count
in no balance.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from engine.admission import by_lane
from engine.announcer import Announces
from engine.graphs import Graphs
from engine.model.arrival import Awaited
from engine.model.base import EventId, ExecutionId, new_id
from engine.model.event import Event, Fate, NewExecution
from engine.model.lineage import PARENT, Parent, PartsOrder, parent_of
from engine.patience import until_available
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.repositories.children import Child, Holder, OpenWait
from engine.signals import CANCELLED
from engine.starting import new_execution


class Parts:
    """Starts the parts of a step and tells how they stand."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        announcements: Announces,
        graphs: Graphs,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._broker = broker
        self._announcements = announcements
        self._graphs = graphs
        self._clock = clock
        self._sleep = sleep

    async def begin(self, order: PartsOrder) -> Sequence[Child] | None:
        """Start the parts that were not started yet, and return all of the order, in its order.

        Those that have not ended wake the parent. ``None``: the parent belongs to somebody else, nothing was started.
        """
        return await until_available(lambda: self._begin(order), what="start parts", sleep=self._sleep)

    async def give_up(self, order: PartsOrder, parts: Sequence[ExecutionId]) -> None:
        """Cancel parts that are waited for no longer, because another one failed or the time of the step is up."""

        async def cancel() -> None:
            async with self._database.write() as uow:
                await uow.children.close(order.execution_id, order.path)
                reason = f'the step "{order.path}" of its parent {order.execution_id} waited no longer'
                for part in parts:
                    await uow.executions.cancel(part, now=self._clock.now(), reason=reason)
                await uow.commit()

        await until_available(cancel, what="cancel parts", sleep=self._sleep)
        for part in parts:
            await self._broker.signal(CANCELLED, part.encode())

    async def _begin(self, order: PartsOrder) -> Sequence[Child] | None:
        async with self._database.write() as uow:
            holder = await uow.children.hold(order.execution_id, epoch=order.epoch)
            if holder is None:
                return None
            known = {child.slot for child in await uow.children.of(order.execution_id, order.path)}
            fresh = await self._start(uow, holder, order, [slot for slot in order.parts if slot not in known])
            found = {child.slot: child for child in await uow.children.of(order.execution_id, order.path)}
            children = [found[slot] for slot in order.parts]
            await self._await(uow, order, [each for each in children if not each.execution.status.is_final])
            await uow.commit()
        self._announcements.announce(by_lane([(each.id, each.lane) for each in fresh]))
        return children

    async def _start(
        self, uow: UnitOfWork, holder: Holder, order: PartsOrder, slots: Sequence[str]
    ) -> list[NewExecution]:
        now = self._clock.now()
        settings = (await self._graphs.definition(holder.version_id, within=uow)).settings
        whole = await uow.events.find(holder.project_id, holder.event_id)
        events = [_event(holder, order, slot, whole=whole, now=now) for slot in slots]
        executions = [
            new_execution(
                project_id=holder.project_id,
                workflow_id=holder.workflow_id,
                version_id=holder.version_id,
                trigger_id=None,
                trigger_key=holder.trigger_key,
                event_id=event.id,
                settings=settings,
                now=now,
                parent=parent_of(event.envelope),
                entry=order.entry,
            )
            for event in events
        ]
        inserted = await uow.events.insert(events)
        started = [each for each in executions if each.event_id in inserted]
        await uow.executions.insert(started)
        return started

    async def _await(self, uow: UnitOfWork, order: PartsOrder, children: Sequence[Child]) -> None:
        """Wait for those that live; each is locked, so that its end cannot pass by."""
        live = []
        for child in children:
            execution = await uow.children.lock(child.execution.id)
            if execution is not None and not execution.status.is_final:
                live.append(execution.id)
        now = self._clock.now()
        await uow.children.open(
            order.project_id,
            [
                OpenWait(
                    execution_id=order.execution_id, path=order.path, subject=id, kind=Awaited.CHILD, opened_at=now
                )
                for id in live
            ],
        )


def _event(holder: Holder, order: PartsOrder, slot: str, *, whole: Event | None, now: datetime) -> Event:
    """The event of one part: its own data in the envelope of the whole. It counts as accepted nowhere."""
    parent = Parent(execution_id=order.execution_id, path=order.path, slot=slot, depth=holder.depth, awaited=True)
    return Event(
        id=EventId(new_id()),
        project_id=holder.project_id,
        workflow_id=holder.workflow_id,
        trigger_id=holder.event_trigger_id,
        dedupe_key=f"{order.execution_id}:{order.path}:part:{slot}",
        occurred_at=now if whole is None else whole.occurred_at,
        accepted_at=now,
        envelope={**({} if whole is None else whole.envelope), PARENT: parent.as_json()},
        data=order.parts[slot],
        fate=Fate.STARTED,
        reason=f'a part of the step "{order.path}" of the execution {order.execution_id}',
        execution_id=None,
    )
