"""Plays an execution in the planner alone, as a drive would: pure nodes by their handlers, calls by the oracle.

What ends next is drawn, so every order is possible. An owner may die at any point: another goes on from the records.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.attempts import Attempts, Tools, overtime
from engine.closing import conclude
from engine.errors import Category, OutcomeUnknown, PatchbayError
from engine.model.base import EventId, ExecutionId, ExecutorId, ProjectId, VersionId, WorkflowId
from engine.model.execution import Claimed, ExecutionRecord, Failure, Status, StepRecord, StepStatus
from engine.model.node import ConnectorSpec
from engine.model.outcome import Failed, Outcome, Succeeded, Suspended, Unknown
from engine.nodes import PURE
from engine.nodes.base import failed
from engine.planner import apply, begin, begun, first_idle, next_due, wake
from engine.records import cancelled, intend, settle
from engine.state import Ending, Phase, State, Visit
from engine.variables import assigned_by
from tests.fakes import FakeClock
from tests.unit.engine.flows import NOON
from tests.unit.engine.properties.definitions import Sample
from tests.unit.engine.properties.oracle import BUSY, Oracle

MOST_STEPS = 3000
TERMINAL = frozenset({StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.CANCELLED})


class NoRecords:
    """Nobody commits here."""

    async def record(self, record: ExecutionRecord, *, reply_to: str | None = None) -> bool:
        raise AssertionError(f"{record.id} {reply_to}")


def claim(sample: Sample, oracle: Oracle, steps: Iterable[StepRecord] = (), *, now: datetime = NOON) -> Claimed:
    """An execution that began at noon, as an owner gets it."""
    return Claimed(
        id=ExecutionId("x"),
        project_id=ProjectId("p"),
        workflow_id=WorkflowId("w"),
        version_id=VersionId("v"),
        trigger_key="t",
        event_id=EventId("e"),
        epoch=1,
        created_at=NOON,
        woken_at=now,
        deadline_at=NOON + sample.graph.settings.timeout,
        reply_to=None,
        occurred_at=NOON,
        envelope={},
        data=oracle.data(),
        steps=tuple(steps),
    )


def stored(records: Iterable[StepRecord]) -> list[StepRecord]:
    """What the table of steps holds of these: the last record of each attempt, in the order of ``seq``."""
    rows = {(record.path, record.attempt): record for record in records}
    return sorted(rows.values(), key=lambda record: record.seq)


@dataclass
class Playing:
    """One owner's time with an execution."""

    sample: Sample
    oracle: Oracle
    order: random.Random
    records: list[StepRecord] = field(default_factory=list)
    now: datetime = NOON
    deadline_at: datetime | None = None

    def __post_init__(self) -> None:
        self._clock = FakeClock(self.now)
        claimed = claim(self.sample, self.oracle, now=self.now)
        claimed = replace(claimed, deadline_at=self.deadline_at or claimed.deadline_at)
        tools = Tools(
            owner=ExecutorId("me"),
            effects={},
            recorder=NoRecords(),
            clock=self._clock,
            jitter=lambda: 0.0,
            is_alive=lambda: True,
        )
        self._attempts = Attempts(claimed, self.sample.graph, tools)
        self._pure: list[Visit] = []
        self._calls: list[Visit] = []
        self._running: list[Visit] = []
        self._out_of_time = False
        self.state = begin(self.sample.graph, "t", claimed.data)
        for record in stored(self.records):
            apply(self.state, record)
        for visit in [visit for visit in self.state.pending.values() if visit.intended]:
            self._settle(visit, Unknown(failure=Failure(code=OutcomeUnknown.code, message="died", step=visit.path)))
        self._pass_time()

    @property
    def now_is(self) -> datetime:
        """The time of this owner."""
        return self._clock.now()

    def step(self) -> bool:
        """Do one thing that a drive could do next; false when the execution has ended."""
        state = self.state
        while doomed := [] if self._is_over else state.doomed():
            self._running = [visit for visit in self._running if visit not in doomed]
            self._cancel(doomed)
        for visit in [] if self._is_over else state.take_ready():
            is_pure = visit.node.kind in PURE or visit.node.bypass is not None
            (self._pure if is_pure else self._calls).append(visit)
        if self._is_over:
            self._pure, self._calls = [], []
        here = [[v for v in each if v.path in state.pending] for each in (self._pure, self._calls, self._running)]
        self._pure, self._calls, self._running = here
        chances = [*self._pure, *self._calls, *self._running]
        if chances:
            self._do(self.order.choice(chances))
            return True
        if state.pending and not self._is_over:
            self._wait()
            return True
        return self._conclude()

    def _do(self, visit: Visit) -> None:
        if visit in self._running:
            self._running.remove(visit)
            self._settle(visit, self._called(visit))
        elif visit in self._pure:
            self._pure.remove(visit)
            self._settle(visit, self._attempts.run_pure(self.state, visit, self._clock.now()))
        else:
            self._calls.remove(visit)
            try:
                self._attempts.attempt(self.state, visit, self._clock.now())
            except PatchbayError as exc:
                self._settle(visit, failed(exc, step=visit.path))
                return
            if isinstance(visit.node.node.spec, ConnectorSpec) and visit.node.node.spec.use.startswith("unrepeatable"):
                self._record(intend(self.state, visit, now=self._clock.now()))
            self._running.append(visit)

    def _called(self, visit: Visit) -> Outcome:
        return outcome_of(self.oracle, visit, self._clock.now(), self._attempts, state=self.state)

    def _settle(self, visit: Visit, outcome: Outcome) -> None:
        now = self._clock.now()
        self._record(settle(self.state, visit, outcome, started_at=now, now=now, jitter=0.0))

    def _record(self, record: StepRecord) -> None:
        assert (record.path, record.attempt) not in self._ended(), f"{record.path} ended twice"
        apply(self.state, record)
        self.records.append(record)
        assert len(self.records) < MOST_STEPS, "the execution does not end"

    def _ended(self) -> set[tuple[str, int]]:
        return {(record.path, record.attempt) for record in self.records if record.status in TERMINAL}

    def _cancel(self, visits: Iterable[Visit]) -> None:
        for visit in visits:
            if visit.path in self.state.pending:
                self._record(cancelled(self.state, visit, now=self._clock.now()))

    def _wait(self) -> None:
        due_at = next_due(self.state)
        assert due_at is not None, f"nothing can go on: {list(self.state.pending)}"
        due_at = min(due_at, self._attempts.deadline_at)
        self._clock.set(max(self._clock.now(), due_at) + timedelta(seconds=self.order.choice((0, 1))))
        self._pass_time()

    def _pass_time(self) -> None:
        state = self.state
        wake(state, self._clock.now())
        if self._clock.now() < self._attempts.deadline_at or not state.pending:
            return
        if state.phase is not Phase.WORK:
            self._out_of_time = True
            if state.ending is None or state.ending.status is Status.SUCCEEDED:
                state.ending = Ending(Status.FAILED, error=overtime(self.sample.graph, next(iter(state.pending))))
        elif state.ending is None:
            visit = first_idle(state, {visit.path for visit in self._running})
            if visit is not None:
                error = overtime(self.sample.graph, visit.path)
                self._record(cancelled(state, visit, now=self._clock.now(), error=error))

    @property
    def _is_over(self) -> bool:
        return self.state.stopping or self._out_of_time

    def _conclude(self) -> bool:
        state = self.state
        self._cancel(begun(state))
        if self._out_of_time:
            return False
        began = state.phase
        if not conclude(state):
            return False
        if began is Phase.WORK:
            later = self._clock.now() + timedelta(minutes=10)
            self._attempts.deadline_at = max(self._attempts.deadline_at, later)
        return True

    def die(self, *, losing: int = 0) -> "Playing":
        """The next owner; the last ``losing`` records were not committed."""
        kept = self.records[: len(self.records) - losing]
        now = self._clock.now() + timedelta(seconds=self.order.choice((0, 1)))
        return Playing(self.sample, self.oracle, self.order, kept, now, self._attempts.deadline_at)


def outcome_of(oracle: Oracle, visit: Visit, now: datetime, attempts: Attempts, *, state: State) -> Outcome:
    """What the oracle says about a call that has begun."""
    path, attempt = visit.path, visit.attempt
    if oracle.waits_first(path) and visit.reason != BUSY:
        return Suspended(due_at=now + timedelta(seconds=1), reason=BUSY)
    if oracle.is_unknown(path):
        return Unknown(failure=Failure(code=OutcomeUnknown.code, message="lost", step=path))
    category = oracle.failure_of(path, attempt)
    if category is not None:
        return Failed(
            failure=Failure(code="refused", message=f"no, {category}", category=Category(category), step=path)
        )
    done, node = Succeeded(output=oracle.output(path)), visit.node
    if node.assign is None:
        return done
    return replace(
        done, assigned=assigned_by(node, state.graph, attempts.attempt(state, visit, now).scope, done.output)
    )


def play(playing: Playing, *, deaths: float = 0.0) -> Playing:
    """Play to the end; ``deaths`` is how likely the owner dies before each thing it does."""
    for _ in range(MOST_STEPS):
        if playing.order.random() < deaths:
            lost = playing.order.choice((0, 0, 1, 3))
            playing = playing.die(losing=min(lost, len(playing.records)))
        if not playing.step():
            return playing
    raise AssertionError("the execution does not end")
