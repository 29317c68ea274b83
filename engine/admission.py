"""When accepted executions may begin: what stands in for a plain insert wherever executions are started.

Everything happens in the caller's transaction, under a lock per gate that lasts until its commit: so limits hold and
orders are kept however many processes accept events. Whoever waits at a gate is let in by ``engine.admitter``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from engine.admission_rules import compile_gates
from engine.errors import Conflict, ExpressionError
from engine.merging import close
from engine.model.admission import WAIT_REASONS, AdmissionRules, Mode, Stage
from engine.model.base import EventId, ExecutionId, JsonObject
from engine.model.event import NewExecution
from engine.model.execution import Execution
from engine.model.gate import NOTHING, Admission, Collected, Gate, Standing
from engine.model.workflow import Definition, Lane
from engine.ports import UnitOfWork
from engine.scope import trigger_scope
from engine.signals import CANCELLED, STIRRED
from engine.turns import Entrant, Turn, Verdict, next_position

DISPLACED = "displaced by a newer execution: settings.concurrency.mode is restart"


class Tells(Protocol):
    """Where news go after the commit; see ``engine.announcer.Announcements``."""

    def announce(self, ids_by_lane: Mapping[Lane, Sequence[ExecutionId]]) -> None:
        """Never blocks and never raises."""

    def signal(self, topic: str, body: bytes) -> None:
        """Never blocks and never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An execution that was stored or revived, as the world is to be told after the commit.

    ``waits_at`` is the gate where it waits, if it does; ``cancels`` are those that were cancelled for it.
    """

    id: ExecutionId
    lane: Lane
    waits_at: str | None = None
    cancels: tuple[ExecutionId, ...] = ()


async def admit(uow: UnitOfWork, entrants: Sequence[Entrant], *, now: datetime) -> list[Verdict]:
    """Store what arrives, or let it wait, or leave it out, or merge it; in the order given.

    The events of the entrants are stored already, as ``started``. After the commit the caller calls ``tell``.
    """
    turns = await _turns(uow, entrants, now)
    verdicts = [turns[entrant.first].take(entrant) for entrant in entrants]
    await uow.executions.insert([verdict.execution for verdict in verdicts if verdict.execution is not None])
    for execution_id, due_at in dict(verdict.moves for verdict in verdicts if verdict.moves is not None).items():
        await uow.admissions.postpone(execution_id, due_at)
    real = [verdict.redirect for verdict in verdicts if verdict.redirect is not None and verdict.redirect.event_id]
    await uow.admissions.redirect(real)
    await displace(uow, [each for verdict in verdicts for each in verdict.cancels], now=now)
    return verdicts


async def start(uow: UnitOfWork, fresh: NewExecution, definition: Definition, *, now: datetime) -> Begun:
    """Store an execution that no new event starts: a rerun, a replay, a child.

    It is never collected or merged. After the commit the caller calls ``tell``.

    Raises:
        Conflict: No slot is free and the workflow skips then, or a key cannot be evaluated. Nothing was stored.
    """
    gates = compile_gates(definition.settings.admission)
    if gates is None:
        await uow.executions.insert([fresh])
        return Begun(id=fresh.id, lane=fresh.lane)
    event = await uow.events.find(fresh.project_id, fresh.event_id)
    scope: JsonObject = {"workflow": {"id": fresh.workflow_id, "name": definition.name}, "now": now.isoformat()}
    if event is not None:
        scope["trigger"] = trigger_scope(event.id, event.occurred_at, event.envelope, event.data)
    try:
        keyed = gates.keyed(fresh.workflow_id, scope, collect=False)
    except ExpressionError as error:
        raise Conflict(f"a key in the workflow's settings cannot be evaluated: {error}") from error
    if not keyed:
        await uow.executions.insert([fresh])
        return Begun(id=fresh.id, lane=fresh.lane)
    [verdict] = await admit(uow, [Entrant(execution=fresh, gates=keyed, rules=gates.rules)], now=now)
    if verdict.execution is None:
        raise Conflict(verdict.redirect.reason if verdict.redirect is not None else "the execution was left out")
    return begun(verdict.execution, verdict)


def begun(execution: NewExecution, verdict: Verdict) -> Begun:
    """Return what there is to tell of an execution that was admitted or has to wait."""
    return Begun(id=execution.id, lane=execution.lane, waits_at=verdict.waits_at, cancels=verdict.cancels)


async def reenter(uow: UnitOfWork, old: Execution, rules: AdmissionRules, *, now: datetime) -> Admission | None:
    """Find a slot for a failed execution that is to go on, or a place where it waits for one; ``None``: it needs none.

    Call it before the execution is revived, which makes it count, and ``uow.admissions.retake`` afterwards.

    Raises:
        Conflict: No slot is free and the workflow skips then.
    """
    if old.slot is None and old.gate is None:
        return None
    if merges(Stage.COLLECT if rules.collects else Stage.SLOT, rules):
        await close(uow, old.project_id, old.id, old.event_id, rules=rules)
    position = next_position(now, 0)
    rule = rules.concurrency
    if old.slot is None or rule is None:
        return Admission(position=position)
    gate = Gate.parse(old.slot)
    await uow.admissions.lock([gate])
    standing = (await uow.admissions.look({gate: now}))[gate]
    excess = standing.held + 1 - rule.limit
    if rule.mode is Mode.RESTART and excess > 0:
        await displace(uow, await uow.admissions.holders(gate, limit=excess), now=now)
    elif standing.head is not None or excess > 0:
        if rule.mode is Mode.SKIP:
            raise Conflict("no slot is free, and settings.concurrency.mode is skip; try again when one is")
        last = standing.last.position if standing.last is not None else 0
        reason = WAIT_REASONS[Stage.SLOT]
        return Admission(position=next_position(now, last), gate=old.slot, wait_reason=reason)
    return Admission(position=position, slot_at=now)


def tell(tells: Tells, news: Sequence[Begun]) -> None:
    """Announce what may run and stir the gates where others wait; call it after the commit."""
    if ready := by_lane((one.id, one.lane) for one in news if one.waits_at is None):
        tells.announce(ready)
    for execution_id in [each for one in news for each in one.cancels]:
        tells.signal(CANCELLED, execution_id.encode())
    for gate in dict.fromkeys(one.waits_at for one in news if one.waits_at is not None):
        tells.signal(STIRRED, gate.encode())


def by_lane(ready: Iterable[tuple[ExecutionId, Lane]]) -> dict[Lane, list[ExecutionId]]:
    """Sort executions by their lane, keeping their order."""
    lanes: dict[Lane, list[ExecutionId]] = {}
    for execution_id, lane in ready:
        lanes.setdefault(lane, []).append(execution_id)
    return lanes


async def displace(uow: UnitOfWork, ids: Sequence[ExecutionId], *, now: datetime) -> None:
    """Cancel executions because newer ones take their slots."""
    for execution_id in ids:
        await uow.executions.cancel(execution_id, now=now, reason=DISPLACED)


async def _turns(uow: UnitOfWork, entrants: Sequence[Entrant], now: datetime) -> dict[Gate, Turn]:
    rules = {entrant.first: entrant.rules for entrant in entrants}
    await uow.admissions.lock(list(rules))
    standings = await uow.admissions.look({gate: since(gate, rule, now) for gate, rule in rules.items()})
    merging = [
        standing.last.event_id
        for gate, standing in standings.items()
        if standing.last is not None and merges(gate.stage, rules[gate])
    ]
    collected = await uow.admissions.collected(merging)
    numbers = Counter(entrant.first for entrant in entrants)
    turns = {}
    for gate, standing in standings.items():
        turns[gate] = Turn(
            standing,
            now,
            collected=_collected(standing, collected),
            holders=await _displaceable(uow, gate, rules[gate], excess=standing.held + numbers[gate]),
        )
    return turns


def since(gate: Gate, rules: AdmissionRules, now: datetime) -> datetime:
    """The time from which starts at a gate count."""
    if gate.stage is not Stage.RATE or rules.throttle is None:
        return now
    return now - min(rules.throttle.per, timedelta(days=365))


def merges(stage: Stage, rules: AdmissionRules) -> bool:
    """Whether events are merged into executions that wait at a gate."""
    coalesces = rules.concurrency is not None and rules.concurrency.mode is Mode.COALESCE
    return stage is Stage.COLLECT or (stage is Stage.SLOT and coalesces)


def _collected(standing: Standing, collected: Mapping[EventId, Collected]) -> Collected:
    return NOTHING if standing.last is None else collected.get(standing.last.event_id, NOTHING)


async def _displaceable(uow: UnitOfWork, gate: Gate, rules: AdmissionRules, *, excess: int) -> Sequence[ExecutionId]:
    """Those who may have to give up their slots if all entrants are let in."""
    rule = rules.concurrency
    if gate.stage is not Stage.SLOT or rule is None or rule.mode is not Mode.RESTART or excess <= rule.limit:
        return ()
    return await uow.admissions.holders(gate, limit=excess - rule.limit)
