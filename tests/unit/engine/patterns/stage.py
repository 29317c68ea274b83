"""Plays a definition to its end, and again with each of its commits lost, so that another owner has to go on.

Tasks are connector nodes whose calls end at once unless a test says otherwise; delays order them, on a clock that jumps
to whatever comes next. Every owner knows only what is stored, so each rest is a fold, too.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from engine.attempts import Tools
from engine.definition import parse_definition
from engine.drive import drive
from engine.errors import PatchbayError
from engine.graph import Graph, compile_graph
from engine.journal import OwnershipLost
from engine.model.arrival import Arrival, Awaited
from engine.model.base import EventId, ExecutionId, ExecutorId, Json, ProjectId, VersionId, WorkflowId
from engine.model.execution import Claimed, ExecutionRecord, Status, StepRecord, StepStatus
from engine.model.node import NodeKind
from engine.nodes.base import Attempt
from engine.nodes.wait import WaitHandler
from engine.planner import apply, begin
from tests.fakes import START, FakeClock
from tests.unit.engine.test_drive import Act, FakeEffects
from tests.unit.engine.test_wait import FakeWatches

EXECUTION = ExecutionId("x")
MOST_RESTS = 100

Action: TypeAlias = Json | PatchbayError | Act


@dataclass(frozen=True, kw_only=True)
class Call:
    """Somebody calls the link of the step at ``path``, so many hours after the execution began."""

    path: str
    payload: Json = None
    hours: float = 0


@dataclass(frozen=True, kw_only=True)
class Played:
    """An execution that ended. ``calls`` are the idempotency keys of the calls made, in their order."""

    end: ExecutionRecord
    steps: Sequence[StepRecord]
    calls: Sequence[str]
    commits: int

    def _paths(self, status: StepStatus) -> list[str]:
        return [step.path for step in self.steps if step.status is status and step.attempt]

    @property
    def ran(self) -> list[str]:
        """The visits that succeeded, in the order of their ends."""
        return self._paths(StepStatus.SUCCEEDED)

    @property
    def cancelled(self) -> list[str]:
        return self._paths(StepStatus.CANCELLED)

    def hour(self, path: str) -> float:
        """When a visit ended, in hours since the execution began."""
        (step,) = (step for step in self.steps if step.path == path and step.finished_at and step.attempt)
        assert step.finished_at is not None
        return (step.finished_at - START) / timedelta(hours=1)

    def facts(self) -> tuple[object, ...]:
        """What must be the same whoever ran it."""
        rows = {(step.path, step.attempt, step.status, step.ports, step.finished_at) for step in self.steps}
        return self.end.status, self.end.output, self.end.error, rows, set(self.calls)


async def hang(attempt: Attempt) -> Json:
    """A call that never ends by itself."""
    del attempt
    await asyncio.Event().wait()


async def play(
    text: str, *, actions: Mapping[str, Action] | None = None, calls: Sequence[Call] = (), data: Json = None
) -> Played:
    """Run to the end; and for each commit once more, with that commit lost and another owner to go on."""
    definition, _ = parse_definition(f"name: pattern\n{text}")
    flow = compile_graph(definition, VersionId("v"))
    whole = await _Run(flow, actions or {}, calls, data).to_end()
    for lost in range(whole.commits):
        again = await _Run(flow, actions or {}, calls, data, lost=lost).to_end()
        assert again.facts() == whole.facts(), f"without commit {lost} of {whole.commits} it went another way"
    assert len(set(whole.calls)) == len(whole.calls), "no call is made twice unless a commit was lost"
    return whole


class _Links:
    def callback(self, execution_id: ExecutionId, path: str) -> str:
        return f"https://hub/{execution_id}/{path}"

    def approval(self, execution_id: ExecutionId, path: str, assignee: str) -> str:
        return f"https://hub/{execution_id}/{path}/{assignee}"


@dataclass
class _Run:
    """One execution in its database of rows; ``lost`` is the number of the commit that comes to nothing."""

    flow: Graph
    actions: Mapping[str, Action]
    outside: Sequence[Call]
    data: Json
    lost: int | None = None
    clock: FakeClock = field(default_factory=FakeClock)
    log: list[str] = field(default_factory=list)
    rows: dict[tuple[str, int], StepRecord] = field(default_factory=dict)
    commits: int = 0
    last: ExecutionRecord | None = None

    async def record(self, record: ExecutionRecord, *, reply_to: str | None = None) -> bool:
        """What the database does; false for the commit that is lost, as to an owner who was taken for dead."""
        del reply_to
        self.commits += 1
        if self.commits - 1 == self.lost:
            return False
        self.rows |= {(step.path, step.attempt): step for step in record.steps}
        self.last = record
        return True

    async def of(self, execution_id: ExecutionId, path: str) -> tuple[Arrival, ...]:
        """What has come for a step until now."""
        del execution_id
        return self._arrivals().get(path, ())

    def _arrivals(self) -> dict[str, tuple[Arrival, ...]]:
        hours = (self.clock.now() - START) / timedelta(hours=1)
        return {
            call.path: (Arrival(execution_id=EXECUTION, path=call.path, kind=Awaited.CALLBACK, payload=call.payload,
                                arrived_at=START + timedelta(hours=call.hours)),)
            for call in reversed(self.outside) if call.hours <= hours
        }  # fmt: skip

    async def to_end(self) -> Played:
        for _ in range(MOST_RESTS):
            await self._own()
            if self.last is not None and self.last.status.is_final:
                return self._played(self.last)
            self._let_time_pass()
        raise AssertionError(f"no end after {MOST_RESTS} rests: {self.last}")

    async def _own(self) -> None:
        """Be an owner until the execution rests; after a commit that is lost, another begins at once."""
        try:
            await drive(self._claimed(), self.flow, self._tools())
        except OwnershipLost:
            await drive(self._claimed(), self.flow, self._tools())

    def _let_time_pass(self) -> None:
        assert self.last is not None
        assert self.last.status is Status.WAITING
        assert self.last.due_at is not None
        coming = [START + timedelta(hours=call.hours) for call in self.outside]
        later = [instant for instant in coming if instant > self.clock.now()]
        self.clock.set(max(min([self.last.due_at, *later]), self.clock.now()))

    def _stored(self) -> tuple[StepRecord, ...]:
        return tuple(sorted(self.rows.values(), key=lambda step: step.seq))

    def _played(self, end: ExecutionRecord) -> Played:
        state = begin(self.flow, "t", self.data)
        for step in self._stored():
            apply(state, step)
        assert state.ending is not None or not state.pending, "the rows alone show an execution that is over"
        keys = [line.rpartition(" ")[2] for line in self.log]
        return Played(end=end, steps=self._stored(), calls=keys, commits=self.commits)

    def _tools(self) -> Tools:
        return Tools(
            owner=ExecutorId("me"),
            effects={
                NodeKind.CONNECTOR: FakeEffects(self.log, self.actions),
                NodeKind.WAIT: WaitHandler(self, FakeWatches()),
            },
            recorder=self,
            clock=self.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: True,
            links=_Links(),
        )

    def _claimed(self) -> Claimed:
        return Claimed(
            id=EXECUTION,
            project_id=ProjectId("p"),
            workflow_id=WorkflowId("w"),
            version_id=VersionId("v"),
            trigger_key="t",
            event_id=EventId("e"),
            epoch=1,
            created_at=START,
            woken_at=self.clock.now(),
            deadline_at=START + self.flow.settings.timeout,
            reply_to=None,
            occurred_at=START,
            envelope={},
            data=self.data,
            steps=self._stored(),
            arrivals=self._arrivals(),
        )
