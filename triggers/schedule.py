"""Schedule triggers: every nominal time becomes exactly one event, however many schedulers run.

The timetable says when to look; what is due is computed from the trigger's cursor in the database. Events and cursor
move in one transaction, so a crash at any point repeats nothing and forgets nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from engine.errors import Unavailable
from engine.model.base import TriggerId, VersionId
from engine.model.event import NewEvent
from engine.model.trigger import Trigger
from engine.model.workflow import ScheduleSpec, WorkflowStatus
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.repositories import StoredRoute
from engine.service import AT_ONCE, Alarm, ring_on_signals, run_service
from triggers.base import Accepts, Definitions
from triggers.rules import GRACE, MAX_PER_TICK, DueNow, due_now, next_due
from triggers.timetable import ApschedulerTimetable, Timetable

log = logging.getLogger(__name__)

CHANGED_TOPIC = "definitions.changed"
POLL_EVERY = timedelta(milliseconds=500)
POSTPONED_BY = timedelta(seconds=60)
_BATCH = 100
_FIRING = (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED)
_CHECKED_AT_A_TIME = 20
_CHECK_PAUSE = timedelta(milliseconds=50)  # reading thousands of definitions is no hurry, and must not hog the process


async def run_schedules(
    *,
    database: Database,
    broker: Broker,
    intake: Accepts,
    definitions: Definitions,
    clock: Clock,
    leads: Callable[[], bool] = lambda: True,
) -> None:
    """Fire all schedules until cancelled, while ``leads`` says that it is this process's turn."""
    alarm = Alarm()
    async with ApschedulerTimetable(clock, alarm) as timetable, asyncio.TaskGroup() as group:
        schedules = Schedules(
            database=database,
            intake=intake,
            definitions=definitions,
            timetable=timetable,
            clock=clock,
            leads=leads,
        )
        group.create_task(ring_on_signals(alarm, broker, CHANGED_TOPIC))
        group.create_task(run_service(schedules, alarm=alarm))


class Schedules:
    """Hands over what is due, and follows publications. A ``Service``, and a ``triggers.base.TriggerAdapter``.

    Schedules of paused workflows go on: intake decides what becomes of their events.
    """

    name = "schedules"

    def __init__(
        self,
        *,
        database: Database,
        intake: Accepts,
        definitions: Definitions,
        timetable: Timetable,
        clock: Clock,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._intake = intake
        self._definitions = definitions
        self._timetable = timetable
        self._clock = clock
        self._leads = leads
        self._stamp: int | None = None
        self._known: dict[TriggerId, VersionId] = {}
        self._specs: dict[TriggerId, tuple[VersionId, ScheduleSpec]] = {}
        self._due: dict[TriggerId, None] = {}
        self._unchecked: dict[TriggerId, None] = {}

    async def tick(self) -> timedelta:
        """Follow publications, then hand over one batch of what is due, or check entries taken over at the start."""
        if not self._leads():
            self.stand_down()
            return POLL_EVERY
        await self._reconcile()
        self._timetable.look()
        self._due.update((TriggerId(key), None) for key in self._timetable.take_due())
        if self._due:
            await self._hand_over(list(islice(self._due, _BATCH)))
        elif self._unchecked:
            await self._hand_over(list(islice(self._unchecked, _CHECKED_AT_A_TIME)))
        if self._due:
            return AT_ONCE
        return _CHECK_PAUSE if self._unchecked else POLL_EVERY

    def stand_down(self) -> None:
        """Forget everything; when this process leads again, it starts from what the database says then."""
        with self._timetable.bulk():
            for trigger_id in self._known:
                self._timetable.remove(trigger_id)
        self._stamp = None
        for state in (self._known, self._specs, self._due, self._unchecked):
            state.clear()

    async def _reconcile(self) -> None:
        """After any publication, stop what is no longer published and look at what is new. Costs one number if not."""
        async with self._database.read() as uow:
            stamp = await uow.triggers.stamp()
            if stamp == self._stamp:
                return
            stored = {route.trigger.id: route.trigger for route in await uow.triggers.schedules()}
        with self._timetable.bulk():
            for trigger_id in self._known.keys() - stored.keys():
                self._stop(trigger_id)
            for trigger in stored.values():
                self._take(trigger)
        self._stamp = stamp

    def _take(self, trigger: Trigger) -> None:
        """Start an entry. One that was scheduled before goes on from its stored due time, and is checked later."""
        before = self._known.get(trigger.id)
        if before == trigger.version_id:
            return
        self._known[trigger.id] = trigger.version_id
        if before is None and trigger.cursor is not None and trigger.next_due_at is not None:
            self._timetable.put(trigger.id, trigger.next_due_at)
            self._unchecked[trigger.id] = None
        else:
            self._due[trigger.id] = None

    def _stop(self, trigger_id: TriggerId) -> None:
        self._timetable.remove(trigger_id)
        for state in (self._known, self._specs, self._due, self._unchecked):
            state.pop(trigger_id, None)

    async def _hand_over(self, ids: Sequence[TriggerId]) -> None:
        """Fire what is due of these. One that cannot be fired (its definition cannot be read) stops no other."""
        try:
            settled = await self._fire(ids)
        except (Unavailable, TimeoutError):
            raise
        except Exception:  # the trigger loop: a defect in one schedule must not end the others
            if len(ids) > 1:
                for trigger_id in ids:
                    await self._hand_over([trigger_id])
                return
            log.exception("schedule postponed", extra={"trigger_id": ids[0]})
            settled = {ids[0]: self._clock.now() + POSTPONED_BY}
        for trigger_id, due in settled.items():
            self._due.pop(trigger_id, None)
            self._unchecked.pop(trigger_id, None)
            if due is not None and trigger_id in self._known:
                self._timetable.put(trigger_id, due)

    async def _fire(self, ids: Sequence[TriggerId]) -> dict[TriggerId, datetime | None]:
        """Store events and move cursors, in one transaction; return the next due time of those that are done.

        The published version is read here, not when the timer was set, so an old version stops at once.
        """
        now = self._clock.now()
        settled: dict[TriggerId, datetime | None] = {}
        events: list[NewEvent] = []
        async with self._database.write() as uow:
            for trigger_id in sorted(ids):  # two schedulers lock rows in the same order
                stored = await uow.triggers.route(trigger_id)
                spec = None if stored is None else await self._spec(uow, stored)
                if stored is None or spec is None:
                    settled[trigger_id] = None
                    continue
                plan = _plan(spec, stored.trigger, now)
                following = next_due(spec, plan.cursor if plan.more else max(plan.cursor, now))
                if not await _advance(uow, stored.trigger, plan.cursor, following):
                    continue  # another scheduler was faster; the next tick reads where it got to
                events += [_event(stored.trigger, spec, nominal, now) for nominal in plan.times]
                if not plan.more:
                    settled[trigger_id] = following
                if len(events) >= MAX_PER_TICK:
                    break
            receipts = await self._intake.accept_in(uow, events) if events else ()
            await uow.commit()
        self._intake.announce(receipts)
        return settled

    async def _spec(self, uow: UnitOfWork, stored: StoredRoute) -> ScheduleSpec | None:
        trigger = stored.trigger
        if not (trigger.active and trigger.enabled) or stored.workflow_status not in _FIRING:
            return None
        version, spec = self._specs.get(trigger.id, (None, None))
        if spec is not None and version == trigger.version_id:
            return spec
        definition = await self._definitions.definition(trigger.version_id, within=uow)
        declared = definition.triggers.get(trigger.key)
        if declared is None or not isinstance(declared.spec, ScheduleSpec):
            return None
        self._specs[trigger.id] = (trigger.version_id, declared.spec)
        return declared.spec


def _plan(spec: ScheduleSpec, trigger: Trigger, now: datetime) -> DueNow:
    """A schedule that is new, or whose rule is another than the stored due time was made by, starts from now."""
    if trigger.cursor is None:
        return DueNow(times=(), cursor=now)
    cursor = datetime.fromisoformat(trigger.cursor)
    if next_due(spec, cursor) != trigger.next_due_at:
        return DueNow(times=(), cursor=max(cursor, now))
    return due_now(spec, cursor, now)


async def _advance(uow: UnitOfWork, trigger: Trigger, cursor: datetime, following: datetime | None) -> bool:
    to = cursor.isoformat()
    if (trigger.cursor, trigger.next_due_at) == (to, following):
        return True
    return await uow.triggers.advance(trigger.id, seen=trigger.cursor, to=to, next_due_at=following)


def _event(trigger: Trigger, spec: ScheduleSpec, nominal: datetime, now: datetime) -> NewEvent:
    scheduled_at = nominal.isoformat()
    return NewEvent(
        trigger_id=trigger.id,
        dedupe_key=f"schedule:{scheduled_at}",
        occurred_at=nominal,
        data={
            "scheduled_at": scheduled_at,
            "local_time": nominal.astimezone(ZoneInfo(spec.timezone)).isoformat(),
            "missed": now - nominal > GRACE,
        },
    )
