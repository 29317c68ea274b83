"""What becomes of entrants at a gate, one after the other, while nobody else may pass it. Pure."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from engine.model.admission import OPEN, WAIT_REASONS, AdmissionRules, Mode, Stage
from engine.model.base import EventId, ExecutionId
from engine.model.event import NewExecution
from engine.model.gate import NOTHING, Admission, Collected, Gate, Redirect, Standing, Waiting

MAX_BATCH_BYTES = 8 * 1_048_576
"""A batch whose data have grown to this size closes, however few events it has."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A new execution that has to pass ``gates``; ``event_id`` is its new event, ``None`` for a rerun or a child."""

    execution: NewExecution
    gates: Mapping[Stage, Gate]
    rules: AdmissionRules = OPEN
    event_id: EventId | None = None

    @property
    def first(self) -> Gate:
        """The gate it comes to first."""
        return next(iter(self.gates.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an entrant.

    ``execution`` is to be stored (``None``: it starts nothing), ``redirect`` what its event turned into, ``cancels``
    whom it displaces, ``moves`` the new time of the one that its event was merged into; ``closes`` the gate where one
    has collected all it may.
    """

    execution: NewExecution | None = None
    redirect: Redirect | None = None
    cancels: tuple[ExecutionId, ...] = ()
    moves: tuple[ExecutionId, datetime] | None = None
    closes: str | None = None

    @property
    def waits_at(self) -> str | None:
        """The gate where the execution waits, if it does."""
        admission = self.execution.admission if self.execution is not None else None
        return admission.gate if admission is not None else None

    @property
    def stirs(self) -> str | None:
        """A gate that the admitter should look at after the commit."""
        return self.waits_at or self.closes


def next_position(now: datetime, last: int) -> int:
    """Return a place in a gate's order: the time in microseconds, and in any case after ``last``."""
    return max(int((now - _EPOCH).total_seconds() * 1_000_000), last + 1)


class Turn:
    """One gate under its lock.

    Args:
        collected: What was merged into the last one that waits; where events are merged.
        holders: Who holds a slot for longest, as many as may have to go; for ``restart``.
    """

    def __init__(
        self,
        standing: Standing,
        now: datetime,
        *,
        collected: Collected = NOTHING,
        holders: Sequence[ExecutionId] = (),
    ) -> None:
        self._now = now
        self._held = standing.held
        self._starts = standing.starts
        self._blocked = standing.head is not None
        self._last = standing.last
        self._collected = collected.events + 1
        self._bytes = collected.data_bytes
        self._merged_at = collected.position
        self._holders = deque(holders)

    def take(self, entrant: Entrant) -> Verdict:
        """Decide about the next entrant."""
        match entrant.first.stage:
            case Stage.COLLECT:
                return self._collect(entrant)
            case Stage.SLOT:
                return self._slot(entrant)
            case _:
                return self._rate(entrant)

    def _slot(self, entrant: Entrant) -> Verdict:
        rule = entrant.rules.concurrency
        limit, mode = (rule.limit, rule.mode) if rule is not None else (self._held + 1, Mode.QUEUE)
        cancels: list[ExecutionId] = []
        if mode is Mode.RESTART:
            while self._held >= limit and self._holders:
                cancels.append(self._holders.popleft())
                self._held -= 1
        elif self._blocked or self._held >= limit:
            return self._without_slot(entrant, mode, limit)
        self._held += 1
        self._holders.append(entrant.execution.id)
        return Verdict(execution=self._with_slot(entrant), cancels=tuple(cancels))

    def _without_slot(self, entrant: Entrant, mode: Mode, limit: int) -> Verdict:
        gate = entrant.first
        if mode is Mode.SKIP:
            return Verdict(redirect=_skipped(entrant, limit))
        if mode is Mode.COALESCE and entrant.event_id is not None and self._last is not None and self._last.mergeable:
            return Verdict(redirect=self._merge(entrant.event_id, self._last))
        return Verdict(execution=self._wait(entrant, gate, WAIT_REASONS[Stage.SLOT]))

    def _with_slot(self, entrant: Entrant) -> NewExecution:
        """Let it begin, or go on to the throttle, whose gate only the admitter opens for it."""
        admission = Admission(position=next_position(self._now, 0), slot=str(entrant.first), slot_at=self._now)
        rate = entrant.gates.get(Stage.RATE)
        if rate is None:
            admission = replace(admission, admitted_at=self._now)
        else:
            admission = replace(admission, gate=str(rate), rate=str(rate), wait_reason=WAIT_REASONS[Stage.RATE])
        return replace(entrant.execution, admission=admission)

    def _rate(self, entrant: Entrant) -> Verdict:
        rule = entrant.rules.throttle
        if self._blocked or (rule is not None and self._starts >= rule.limit):
            return Verdict(execution=self._wait(entrant, entrant.first, WAIT_REASONS[Stage.RATE]))
        self._starts += 1
        position = next_position(self._now, 0)
        admission = Admission(position=position, rate=str(entrant.first), admitted_at=self._now)
        return Verdict(execution=replace(entrant.execution, admission=admission))

    def _collect(self, entrant: Entrant) -> Verdict:
        rules, last, event_id = entrant.rules, self._last, entrant.event_id
        is_open = last is not None and last.due_at is not None and last.due_at > self._now
        if last is None or event_id is None or not is_open or self._is_full(rules):
            full = (last.id, self._now) if last is not None and is_open else None
            self._collected, self._bytes = 1, 0
            due_at = self._closing(rules, self._now)
            new = self._wait(entrant, entrant.first, rules.collect_reason, due_at=due_at)
            return Verdict(execution=new, moves=full)
        self._collected += 1
        due_at = self._closing(rules, last.created_at)
        self._last = replace(last, due_at=due_at)
        closes = str(entrant.first) if due_at <= self._now else None
        return Verdict(redirect=self._merge(event_id, last), moves=(last.id, due_at), closes=closes)

    def _is_full(self, rules: AdmissionRules) -> bool:
        return rules.batch is not None and (self._collected >= rules.batch.size or self._bytes >= MAX_BATCH_BYTES)

    def _closing(self, rules: AdmissionRules, begun: datetime) -> datetime:
        """When the execution that began to collect at ``begun`` is due, after the event that came now."""
        if rules.debounce is not None:
            latest = self._now + rules.debounce.quiet
            return latest if rules.debounce.longest is None else min(latest, begun + rules.debounce.longest)
        if rules.batch is None or self._collected >= rules.batch.size:
            return self._now
        return begun + rules.batch.wait

    def _wait(self, entrant: Entrant, gate: Gate, reason: str, due_at: datetime | None = None) -> NewExecution:
        new, last = entrant.execution, self._last
        slot, rate = entrant.gates.get(Stage.SLOT), entrant.gates.get(Stage.RATE)
        admission = Admission(
            position=next_position(self._now, last.position if last is not None else 0),
            gate=str(gate),
            slot=None if slot is None else str(slot),
            rate=None if rate is None else str(rate),
            due_at=due_at,
            wait_reason=reason,
        )
        self._blocked = True
        self._last = Waiting(
            id=new.id,
            project_id=new.project_id,
            workflow_id=new.workflow_id,
            version_id=new.version_id,
            event_id=new.event_id,
            created_at=new.created_at,
            deadline_at=new.deadline_at,
            position=admission.position,
            lane=new.lane,
            mergeable=entrant.event_id is not None,
            due_at=due_at,
        )
        return replace(new, admission=admission)

    def _merge(self, event_id: EventId, into: Waiting) -> Redirect:
        self._merged_at = next_position(self._now, self._merged_at)
        return Redirect(
            event_id=event_id,
            reason="merged into an execution that had not begun",
            execution_id=into.id,
            first_event_id=into.event_id,
            position=self._merged_at,
        )


def _skipped(entrant: Entrant, limit: int) -> Redirect:
    key = entrant.first.key
    whose = f' with the concurrency key "{key[:100]}"' if key else ""
    alive = "another execution is" if limit == 1 else f"{limit} other executions are"
    reason = f"{alive} alive{whose}, and settings.concurrency.mode is skip"
    return Redirect(event_id=entrant.event_id or EventId(""), reason=reason)
