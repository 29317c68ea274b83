"""Lets waiting executions in: when a slot is free, a period is over, or enough events have been collected.

Gates that somebody stirred come first; all others are looked at again and again, so a lost signal costs a moment and
nothing else. Each gate is passed in a transaction of its own, under its lock: two admitters at once do no harm.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from engine.admission import Tells, by_lane, displace, merges, since
from engine.errors import DefinitionError, NotFound, Unavailable
from engine.graphs import Graphs
from engine.merging import close
from engine.model.admission import OPEN, WAIT_REASONS, AdmissionRules, Mode, Stage
from engine.model.base import ExecutionId, VersionId
from engine.model.gate import Admission, Gate, Standing, Waiting
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.service import AT_ONCE, Alarm
from engine.signals import CANCELLED, STIRRED

log = logging.getLogger(__name__)

EVERY = timedelta(milliseconds=500)
BATCH = 100
"""How many executions of one gate are let in by one transaction."""

PAGE = 200
"""How many gates one pass looks at."""

MAX_STIRRED = 10_000
"""How many stirred gates are remembered; what comes on top is found by looking at all."""


class Admitter:
    """A ``Service``. ``alarm`` is what it sleeps on; ``listen`` rings it."""

    name = "admitter"

    def __init__(self, *, database: Database, graphs: Graphs, tells: Tells, clock: Clock) -> None:
        self._database = database
        self._graphs = graphs
        self._tells = tells
        self._clock = clock
        self._stirred: dict[Gate, None] = {}
        self._after = ""
        self._round_at: datetime | None = None
        self._again_at: datetime | None = None
        self.alarm = Alarm()

    async def listen(self, broker: Broker) -> None:
        """Take in stirred gates until cancelled. A broker that is away only makes the admitter slower."""
        while True:
            with contextlib.suppress(Unavailable):
                async with broker.signals(STIRRED) as signals:
                    async for signal in signals:
                        self.stir(signal.body)
            await asyncio.sleep(EVERY.total_seconds())

    def stir(self, body: bytes) -> None:
        """Look at a gate soon. What is no gate's name is ignored."""
        if len(self._stirred) < MAX_STIRRED:
            with contextlib.suppress(ValueError):
                self._stirred[Gate.parse(body.decode(errors="replace"))] = None
        self.alarm.ring()

    def look_at_all(self) -> None:
        """Begin the next round over all gates at the next tick."""
        self._round_at = None

    async def tick(self) -> timedelta:
        """Pass the gates that were stirred, those whose time has come, and one page of all others."""
        now = self._clock.now()
        stirred = list(self._stirred)[:PAGE]
        for gate in stirred:
            del self._stirred[gate]
        async with self._database.read() as uow:
            closing = await uow.admissions.next_closing()
            ripe = await uow.admissions.due(now=now, limit=PAGE) if closing is not None and closing <= now else ()
            page = await self._page(uow, now)
            ready = await self._ready(uow, list(dict.fromkeys([*stirred, *ripe, *page])), now)
        for gate in ready:
            await self._pass(gate)
        if ready or self._stirred or self._after:
            return AT_ONCE
        times = [at for at in (closing, self._again_at) if at is not None]
        return max(min([EVERY, *(at - now for at in times)]), timedelta(milliseconds=1))

    async def _page(self, uow: UnitOfWork, now: datetime) -> Sequence[Gate]:
        """The next gates of the round over all; one begins when the last is ``EVERY`` ago, or a time has come."""
        if not self._after:
            begun, again = self._round_at, self._again_at
            if begun is not None and abs(now - begun) < EVERY and (again is None or now < again):
                return ()
            self._round_at, self._again_at = now, None
        gates = await uow.admissions.gates(after=self._after, limit=PAGE)
        self._after = str(gates[-1]) if len(gates) == PAGE else ""
        return gates

    async def _ready(self, uow: UnitOfWork, gates: Sequence[Gate], now: datetime) -> list[Gate]:
        """Those among the gates that let somebody in now."""
        rules = await self._rules(uow, gates)
        standings = await uow.admissions.look({gate: since(gate, rules[gate], now) for gate in gates})
        for gate, standing in standings.items():
            throttle = rules[gate].throttle
            if gate.stage is Stage.RATE and throttle is not None and standing.head and standing.oldest_start:
                again = standing.oldest_start + throttle.per
                self._again_at = again if self._again_at is None else min(again, self._again_at)
        return [gate for gate in gates if openings(gate, standings[gate], rules[gate], now) > 0]

    async def _rules(self, uow: UnitOfWork, gates: Sequence[Gate]) -> dict[Gate, AdmissionRules]:
        """The published rule counts, so that a change of a limit is felt at once; else that of the first who waits."""
        published = await uow.admissions.published([gate.workflow_id for gate in gates])
        found = {}
        for gate in gates:
            version = published.get(gate.workflow_id)
            rules = OPEN if version is None else await self._version_rules(uow, version)
            if not rules.has(gate.stage):
                first = await uow.admissions.waiting(gate, limit=1)
                rules = await self._version_rules(uow, first[0].version_id) if first else OPEN
            found[gate] = rules
        return found

    async def _version_rules(self, uow: UnitOfWork, version_id: VersionId) -> AdmissionRules:
        try:
            return (await self._graphs.definition(version_id, within=uow)).settings.admission
        except (DefinitionError, NotFound):  # whoever claims it will say so
            return OPEN

    async def _pass(self, gate: Gate) -> None:
        """Let in whom the gate may let in, a batch at most."""
        now = self._clock.now()
        async with self._database.write() as uow:
            await uow.admissions.lock([gate])
            rules = (await self._rules(uow, [gate]))[gate]
            standing = (await uow.admissions.look({gate: since(gate, rules, now)}))[gate]
            limit = min(openings(gate, standing, rules, now), BATCH)
            due_by = now if gate.stage is Stage.COLLECT else None
            rows = await uow.admissions.waiting(gate, limit=limit, due_by=due_by) if limit > 0 else ()
            cancelled = await self._make_room(uow, gate, rules, rows=rows, held=standing.held)
            admitted = await self._let_in(uow, gate, [row for row in rows if row.id not in cancelled], now)
            await uow.commit()
        if admitted:
            self._tells.announce(by_lane((row.id, row.lane) for row in admitted))
        for execution_id in cancelled:
            self._tells.signal(CANCELLED, execution_id.encode())
        if len(rows) == BATCH:
            self._stirred[gate] = None

    async def _make_room(
        self, uow: UnitOfWork, gate: Gate, rules: AdmissionRules, *, rows: Sequence[Waiting], held: int
    ) -> Sequence[ExecutionId]:
        """For ``restart``: cancel those that the newer ones displace, among those that wait too."""
        rule = rules.concurrency
        if not rows or gate.stage is not Stage.SLOT or rule is None or rule.mode is not Mode.RESTART:
            return ()
        waiting = [row.id for row in rows]
        displaced = waiting[: max(len(waiting) - rule.limit, 0)]
        excess = held + len(waiting) - len(displaced) - rule.limit
        holders = await uow.admissions.holders(gate, limit=excess) if excess > 0 else ()
        cancelled = [*holders, *displaced]
        await displace(uow, cancelled, now=self._clock.now())
        return cancelled

    async def _let_in(self, uow: UnitOfWork, gate: Gate, rows: Sequence[Waiting], now: datetime) -> Sequence[Waiting]:
        """Move them to their next gate, or queue them; return those that may run."""
        moved: dict[ExecutionId, Admission] = {}
        admitted: dict[ExecutionId, Admission] = {}
        for row in rows:
            rules = await self._version_rules(uow, row.version_id)
            if merges(gate.stage, rules):
                await close(uow, row.project_id, row.id, row.event_id, rules=rules)
            after = passed(gate.stage, row, now)
            if after.gate is None:
                admitted[row.id] = after
            else:
                moved[row.id] = after
                self._stirred[Gate.parse(after.gate)] = None
        await uow.admissions.move(moved)
        await uow.admissions.admit(admitted, now=now)
        return [row for row in rows if row.id in admitted]


def openings(gate: Gate, standing: Standing, rules: AdmissionRules, now: datetime) -> int:
    """Return how many a gate may let in now, at most ``BATCH`` where nothing limits it."""
    head = standing.head
    if head is None:
        return 0
    match gate.stage:
        case Stage.COLLECT:
            return BATCH if head.due_at is None or head.due_at <= now else 0
        case Stage.SLOT:
            rule = rules.concurrency
            return BATCH if rule is None or rule.mode is Mode.RESTART else rule.limit - standing.held
        case _:
            return BATCH if rules.throttle is None else rules.throttle.limit - standing.starts


def passed(stage: Stage, row: Waiting, now: datetime) -> Admission:
    """Return where an execution stands once it has passed a gate: at the next one, or free to run."""
    slot_at = now if stage is Stage.SLOT else row.slot_at
    here = Admission(position=row.position, slot=row.slot, slot_at=slot_at, rate=row.rate)
    if stage is Stage.COLLECT and row.slot is not None:
        return replace(here, gate=row.slot, wait_reason=WAIT_REASONS[Stage.SLOT])
    if stage is not Stage.RATE and row.rate is not None:
        return replace(here, gate=row.rate, wait_reason=WAIT_REASONS[Stage.RATE])
    return replace(here, admitted_at=now)
