"""The one way in: an event becomes a stored event with its fate, and its execution, in one transaction, once.

Whoever gets a receipt may tell the world that the event is accepted: it survives anything from there on. The
announcement comes after the commit; if it is lost, the announcer finds the row.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.admission import Tells, admit
from engine.admission_rules import Gates
from engine.errors import ExpressionError, NotFound, Unavailable
from engine.expressions import truthy
from engine.group_commit import GroupCommit
from engine.model.admission import Stage
from engine.model.base import EventId, ExecutionId, JsonObject, TriggerId, new_id
from engine.model.event import Event, Fate, NewEvent, NewExecution, Receipt
from engine.model.gate import Gate
from engine.model.lineage import PARENT
from engine.model.workflow import Lane, WhilePaused, WorkflowStatus
from engine.ports import Clock, Database, UnitOfWork
from engine.routes import Route, Routes, Variant
from engine.scope import trigger_scope
from engine.signals import CANCELLED, STIRRED
from engine.starting import new_execution
from engine.turns import Entrant, Verdict

LONGEST_KEY = 512
_FACTS = frozenset({Fate.STARTED, Fate.FILTERED, Fate.HELD, Fate.SKIPPED, Fate.MERGED})
"""The fates of events that steps may wait for: what happened outside did happen, whether it starts anything or not."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """An event with its fate, and the execution it starts, if any, with the gates in its way.

    ``awaited``: steps may wait for it.
    """

    event: Event
    execution: NewExecution | None
    entrant: Entrant | None = None
    awaited: bool = False


class Intake:
    """Accepts events. Enter ``commits`` before use."""

    def __init__(self, *, database: Database, routes: Routes, announcements: Tells, clock: Clock) -> None:
        self._database = database
        self._routes = routes
        self._announcements = announcements
        self._clock = clock
        self.commits: GroupCommit[NewEvent, Receipt] = GroupCommit(self._write)

    async def accept(self, event: NewEvent) -> Receipt:
        """Store one event, its fate and its execution, together with all others that arrive meanwhile.

        Raises:
            NotFound: There is no such trigger. Nothing was stored.
            Unavailable: The database is away. The event may or may not have been stored; sending it again with the
                same dedupe key is safe.
        """
        return await self.commits.submit(event)

    async def accept_in(self, uow: UnitOfWork, events: Sequence[NewEvent]) -> list[Receipt]:
        """The same inside the caller's transaction. After its commit the caller calls ``announce``."""
        self._routes.renew(await uow.triggers.stamp())
        decided = [self._decide(event, await self._route(uow, event)) for event in events]
        inserted = await uow.events.insert([item.event for item in decided])
        fresh = [item for item in decided if item.event.id in inserted]
        await uow.executions.insert([i.execution for i in fresh if i.execution and i.entrant is None])
        entrants = [item.entrant for item in fresh if item.entrant is not None]
        verdicts = await self._admit(uow, entrants) if entrants else {}
        if any(item.awaited for item in fresh):
            await uow.events.keep_awaited([item.event.id for item in fresh if item.awaited])
        repeated = [item.event for item in decided if item.event.id not in inserted]
        firsts = await self._store_duplicates(uow, repeated) if repeated else {}
        return [
            _receipt(item, verdicts.get(item.event.id))
            if item.event.id in inserted
            else _duplicate_receipt(firsts[_key(item.event)])
            for item in decided
        ]

    def announce(self, receipts: Sequence[Receipt]) -> None:
        """Tell the executors of the new executions among ``receipts``; call it after the commit."""
        ids: dict[Lane, list[ExecutionId]] = {}
        for receipt in receipts:
            if receipt.lane is not None and receipt.execution_id is not None:
                ids.setdefault(receipt.lane, []).append(receipt.execution_id)
        if ids:
            self._announcements.announce(ids)
        for gate in dict.fromkeys(receipt.stirs for receipt in receipts if receipt.stirs is not None):
            self._announcements.signal(STIRRED, gate.encode())
        for execution_id in [each for receipt in receipts for each in receipt.cancels]:
            self._announcements.signal(CANCELLED, execution_id.encode())

    async def _admit(self, uow: UnitOfWork, entrants: Sequence[Entrant]) -> dict[EventId, Verdict]:
        verdicts = await admit(uow, entrants, now=self._clock.now())
        return {
            entrant.event_id: verdict
            for entrant, verdict in zip(entrants, verdicts, strict=True)
            if entrant.event_id is not None
        }

    async def _write(self, events: Sequence[NewEvent]) -> list[Receipt]:
        async with self._database.write() as uow:
            receipts = await self.accept_in(uow, events)
            await uow.commit()
        self.announce(receipts)
        return receipts

    async def _store_duplicates(
        self, uow: UnitOfWork, repeated: Sequence[Event]
    ) -> Mapping[tuple[TriggerId, str], Event]:
        firsts = await uow.events.firsts([_key(event) for event in repeated])
        if any(_key(event) not in firsts for event in repeated):
            raise Unavailable("a repeated event's first one was removed at the same moment; send it again")
        duplicates = [
            replace(
                event,
                dedupe_key=None,
                fate=Fate.DUPLICATE,
                reason=f'repeats the dedupe key "{event.dedupe_key}"',
                execution_id=None,
                first_event_id=firsts[_key(event)].id,
            )
            for event in repeated
        ]
        await uow.events.insert(duplicates)
        return firsts

    async def _route(self, uow: UnitOfWork, event: NewEvent) -> Route | None:
        """The route of an event; for a child that runs a version of its own, with that one's settings."""
        route = await self._routes.within(uow, event.trigger_id)
        if route is None or event.parent is None or event.parent.version_id is None:
            return route
        return await self._routes.pinned(uow, route, event.parent.version_id)

    def _decide(self, new: NewEvent, route: Route | None) -> _Decided:
        if route is None:
            raise NotFound(f'there is no trigger "{new.trigger_id}"')
        now, event_id = self._clock.now(), EventId(new_id())
        fate, reason, dedupe_key = decide(new, route, event_id)
        trigger = route.trigger
        execution, gates = None, None
        variant = route.variant(dedupe_key or event_id)
        if fate is Fate.STARTED and variant.gates is not None:
            fate, reason, gates = _gates(route, variant.gates, _scope(new, route, event_id))
        if fate is Fate.STARTED:
            execution = new_execution(
                project_id=trigger.project_id,
                workflow_id=trigger.workflow_id,
                version_id=variant.version_id,
                trigger_id=trigger.id,
                trigger_key=trigger.key,
                event_id=event_id,
                settings=variant.settings,
                now=now,
                reply_to=new.reply_to,
                parent=new.parent,
            )
        event = Event(
            id=event_id,
            project_id=trigger.project_id,
            workflow_id=trigger.workflow_id,
            trigger_id=trigger.id,
            dedupe_key=dedupe_key,
            occurred_at=new.occurred_at,
            accepted_at=now,
            envelope={**new.envelope, PARENT: new.parent.as_json()} if new.parent else new.envelope,
            data=new.data,
            fate=fate,
            reason=reason,
            execution_id=execution.id if execution else None,
        )
        return _Decided(event, execution, _entrant(execution, gates, variant), trigger.awaited and fate in _FACTS)


def decide(new: NewEvent, route: Route, event_id: EventId) -> tuple[Fate, str, str | None]:
    """Return an event's fate, the reason, and its dedupe key.

    An expression that fails makes the fate ``dead``: the event is kept and shown, never dropped.
    """
    dedupe_key = _as_key(new.dedupe_key)
    try:
        if route.dedupe is not None or route.filter is not None:
            scope = _scope(new, route, event_id)
            if route.dedupe is not None and dedupe_key is None:
                dedupe_key = _as_key(route.dedupe.evaluate(scope))
            if route.filter is not None and not truthy(route.filter.evaluate(scope)):
                return Fate.FILTERED, f"the filter is false: {route.filter.source}", dedupe_key
    except ExpressionError as exc:
        return Fate.DEAD, f"the trigger's filter or dedupe expression failed: {exc}", dedupe_key
    if not route.takes_events:
        return Fate.REJECTED, _why_closed(route), dedupe_key
    if route.workflow_status is WorkflowStatus.PAUSED:
        if route.settings.while_paused is WhilePaused.HOLD:
            return Fate.HELD, "the workflow is paused", dedupe_key
        return Fate.REJECTED, "the workflow is paused and settings.while_paused is reject", dedupe_key
    return Fate.STARTED, "", dedupe_key


def _gates(route: Route, gates: Gates, scope: JsonObject) -> tuple[Fate, str, Mapping[Stage, Gate] | None]:
    """Find the gates in the way; an event whose key fails is ``dead``."""
    try:
        return Fate.STARTED, "", gates.keyed(route.trigger.workflow_id, scope)
    except ExpressionError as exc:
        return Fate.DEAD, f"a key in the workflow's settings failed: {exc}", None


def _entrant(execution: NewExecution | None, gates: Mapping[Stage, Gate] | None, variant: Variant) -> Entrant | None:
    if execution is None or gates is None:
        return None
    rules = variant.settings.admission
    return Entrant(execution=execution, gates=gates, rules=rules, event_id=execution.event_id)


def _scope(new: NewEvent, route: Route, event_id: EventId) -> JsonObject:
    return {
        "trigger": trigger_scope(event_id, new.occurred_at, new.envelope, new.data),
        "workflow": {"id": route.trigger.workflow_id, "name": route.workflow_name},
        "now": new.occurred_at.isoformat(),
    }


def _why_closed(route: Route) -> str:
    if not route.trigger.active:
        return "the published version no longer has this trigger"
    if not route.trigger.enabled:
        return "the trigger is disabled"
    return f"the workflow is {route.workflow_status.value}"


def _as_key(value: object) -> str | None:
    if value is None or value == "":
        return None
    key = str(value)
    return key if len(key) <= LONGEST_KEY else f"sha256:{hashlib.sha256(key.encode(errors='replace')).hexdigest()}"


def _key(event: Event) -> tuple[TriggerId, str]:
    return event.trigger_id, event.dedupe_key or ""


def _receipt(item: _Decided, verdict: Verdict | None) -> Receipt:
    event = item.event
    if verdict is not None and verdict.redirect is not None:
        redirect = verdict.redirect
        return Receipt(
            event_id=event.id,
            execution_id=redirect.execution_id,
            fate=Fate.SKIPPED if redirect.execution_id is None else Fate.MERGED,
            reason=redirect.reason,
            duplicate=False,
            stirs=verdict.stirs,
        )
    waits_at = None if verdict is None else verdict.waits_at
    return Receipt(
        event_id=event.id,
        execution_id=event.execution_id,
        fate=event.fate,
        reason=event.reason,
        duplicate=False,
        lane=item.execution.lane if item.execution and waits_at is None else None,
        stirs=waits_at,
        cancels=() if verdict is None else verdict.cancels,
    )


def _duplicate_receipt(first: Event) -> Receipt:
    return Receipt(
        event_id=first.id, execution_id=first.execution_id, fate=first.fate, reason=first.reason, duplicate=True
    )
