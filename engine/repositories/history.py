"""What the database promises about events, executions and dead letters."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.base import EventId, ExecutionId, ExecutorId, ProjectId, TriggerId, WorkflowId
from engine.model.debugging import DebugPlan
from engine.model.event import Event, Fate, NewExecution
from engine.model.execution import Claimed, DeadLetter, Execution, ExecutionRecord, Failure, Overdue, Status, StepRecord
from engine.model.trigger import Balance
from engine.model.workflow import Lane
from engine.repositories.debugging import Debugged
from engine.repositories.paging import EventFilter, ExecutionFilter, Page, PartCounts, StepFilter


class Events(Protocol):
    """Accepted events."""

    async def insert(self, events: Sequence[Event]) -> set[EventId]:
        """Store those whose (trigger_id, dedupe_key) is new; return their ids. One statement for all."""

    async def firsts(self, keys: Sequence[tuple[TriggerId, str]]) -> Mapping[tuple[TriggerId, str], Event]:
        """The stored events with these dedupe keys."""

    async def find(self, project: ProjectId, event_id: EventId) -> Event | None: ...

    async def list(self, project: ProjectId, where: EventFilter, page: Page) -> Sequence[Event]:
        """A page of them; in place of large data stands a marker with their size."""

    async def releasable(self, *, limit: int) -> Sequence[Event]:
        """The oldest held events of active workflows, locked until commit; two callers never get the same one."""

    async def expired(self, workflow_id: WorkflowId, *, before: datetime, limit: int) -> Sequence[EventId]:
        """Events accepted before a time that started nothing and are not held, oldest first."""

    async def delete(self, ids: Sequence[EventId]) -> None:
        """Remove such events."""

    async def begin_awaiting(self, trigger_id: TriggerId) -> bool:
        """Keep a trigger's events for steps that wait for them, from now on; false if that is so already."""

    async def keep_awaited(self, ids: Sequence[EventId]) -> None:
        """Keep events, stored in this transaction, for steps that may wait for them."""

    async def awaited(self, *, limit: int) -> Sequence[EventId]:
        """Those that are kept, oldest first."""

    async def take_awaited(self, event_id: EventId) -> Event | None:
        """Keep one no longer and return it; ``None``: somebody else took it, or it was removed."""

    async def settle(self, event_id: EventId, *, fate: Fate, reason: str, execution_id: ExecutionId | None) -> bool:
        """Decide a held event's fate; false if it is no longer held."""


class Executions(Protocol):
    """Executions, their steps and what becomes of them. Every method is a constant number of statements.

    ``woken`` are those that ``record`` queued because what they waited for has ended; announce them after the commit.
    """

    woken: list[tuple[ExecutionId, Lane]]

    async def insert(self, executions: Sequence[NewExecution]) -> None:
        """Store them as ``queued``, woken at their creation."""

    async def claim(self, ids: Sequence[ExecutionId], *, owner: ExecutorId, now: datetime) -> Sequence[Claimed]:
        """Give the queued ones among ``ids`` to ``owner`` and raise their epoch. Missing ones are no error."""

    async def hand_back(self, ids: Sequence[ExecutionId], *, owner: ExecutorId) -> None:
        """Queue those that ``owner`` holds, after a claim whose answer was lost."""

    async def record(self, records: Sequence[ExecutionRecord]) -> set[ExecutionId]:
        """Write those whose owner and epoch still hold and return their ids; of the others nothing is written."""

    async def wake(self, now: datetime, *, limit: int) -> Sequence[tuple[ExecutionId, Lane]]:
        """Queue the waiting ones that are due, oldest first. Two callers never get the same one."""

    async def next_due(self) -> datetime | None:
        """When the next waiting one is due."""

    async def requeue(
        self, owners: Sequence[ExecutorId], *, now: datetime, limit: int
    ) -> Sequence[tuple[ExecutionId, Lane]]:
        """Queue running executions of these owners, raising their epoch; pause those that a person asked to pause."""

    async def orphans(self, *, limit: int) -> Sequence[ExecutorId]:
        """Owners of running executions that have no row in ``executors``."""

    async def unheard(self, lane: Lane, *, queued_before: datetime, limit: int) -> Sequence[ExecutionId]:
        """The oldest queued ones of the lane that were woken before ``queued_before``."""

    async def overtaken(self, lane: Lane, *, by: float, limit: int) -> Sequence[ExecutionId]:
        """Queued ones that were woken over ``by`` seconds before the newest running one of the lane."""

    async def cancel(self, execution_id: ExecutionId, *, now: datetime, reason: str) -> Status | None:
        """End it whatever it does, raising its epoch; return the status it had, or ``None`` if it was final."""

    async def pause(self, execution_id: ExecutionId, *, now: datetime) -> Status | None:
        """Pause it, or ask its executor to; return the status it had, or ``None`` if nothing changed."""

    async def unpause(self, execution_id: ExecutionId, *, now: datetime) -> tuple[Status, Lane] | None:
        """Put it back where it was, or queue it if that is over; return where it is, ``None`` if nothing changed."""

    async def pausing(self, *, limit: int) -> Sequence[ExecutionId]:
        """Running ones that were asked to pause."""

    async def overdue(self, *, before: datetime, limit: int, lock: bool = False) -> Sequence[Overdue]:
        """Some that have not ended although their time was up before a time; locked until commit if asked for."""

    async def expire(
        self, one: Overdue, failure: Failure, steps: Sequence[StepRecord], letter: DeadLetter, *, now: datetime
    ) -> None:
        """End a locked one as failed, raising its epoch, and write how its steps end."""

    async def debugged(self, execution_id: ExecutionId, *, lock: bool = False) -> Debugged | None:
        """Say how an execution is debugged; lock it until the end of the transaction if asked to."""

    async def debug(self, execution_id: ExecutionId, plan: DebugPlan, *, deadline_at: datetime) -> None:
        """Debug an execution by this plan from its next claim on; one that is running must not be changed."""

    async def revive(self, execution_id: ExecutionId, *, now: datetime, deadline_at: datetime) -> Lane | None:
        """Change failed → queued for a replay; ``None``: it is not failed. ``rewrite`` opens its steps again."""

    async def rewrite(self, execution_id: ExecutionId, project: ProjectId, records: Sequence[StepRecord]) -> None:
        """Write steps over those stored, in the transaction that changed the execution; see ``engine.endings``."""

    async def take_over(self, execution: NewExecution, steps: Sequence[StepRecord]) -> None:
        """Store steps that another execution recorded as those of one that was just inserted."""

    async def find(self, project: ProjectId, execution_id: ExecutionId) -> Execution | None: ...

    async def outcome(self, execution_id: ExecutionId) -> Execution | None:
        """The same in any project, for those who wait for it."""

    async def list(self, project: ProjectId, where: ExecutionFilter, page: Page) -> Sequence[Execution]:
        """A page of them without their responses; in place of a large output stands a marker with its size."""

    async def matching(self, project: ProjectId, where: ExecutionFilter, page: Page) -> Sequence[ExecutionId]:
        """The ids of a page of them, newest first."""

    async def count(self, project: ProjectId, where: ExecutionFilter, *, limit: int) -> int:
        """How many there are, counted up to ``limit``."""

    async def steps(self, execution_id: ExecutionId) -> Sequence[StepRecord]:
        """All attempts, in the order of ``seq``."""

    async def step_count(self, execution_id: ExecutionId) -> int:
        """How many attempts are recorded."""

    async def some_steps(
        self, execution_id: ExecutionId, where: StepFilter, *, limit: int, budget: int
    ) -> Sequence[StepRecord]:
        """Some attempts, in the order of their paths.

        Large values are loaded until they make up ``budget`` bytes; in place of the others stand markers with their
        size. What is to run inside an open step is loaded in any case.
        """

    async def part_counts(self, execution_id: ExecutionId, path: str, *, numbered: bool) -> PartCounts:
        """Count the iterations (``numbered``) or branches inside a step."""

    async def balance(self, trigger_id: TriggerId) -> Balance: ...

    async def totals(self) -> Mapping[Status, int]:
        """How many executions stand in each state, for the metrics."""

    async def expired(self, workflow_id: WorkflowId, *, before: datetime, limit: int) -> Sequence[ExecutionId]:
        """Final executions that finished before a time, oldest first."""

    async def surplus(self, workflow_id: WorkflowId, *, keep: int, limit: int) -> Sequence[ExecutionId]:
        """Final executions beyond the ``keep`` newest, oldest first."""

    async def lock_final(self, ids: Sequence[ExecutionId]) -> Sequence[ExecutionId]:
        """Those that are still final, locked until commit."""

    async def trim(self, ids: Sequence[ExecutionId], *, limit: int) -> int:
        """Remove at most ``limit`` of their steps and of the repeats of their events; return how many rows went."""

    async def delete(self, ids: Sequence[ExecutionId]) -> None:
        """Remove executions with their steps, dead letters and events."""


class DeadLetters(Protocol):
    """Executions that wait for a person."""

    async def add(self, letters: Sequence[DeadLetter]) -> None: ...

    async def list(
        self, project: ProjectId, page: Page, *, state: str | None = None, fingerprint: str | None = None
    ) -> Sequence[DeadLetter]: ...

    async def find(self, project: ProjectId, letter_id: str) -> DeadLetter | None: ...

    async def untold(self, *, limit: int) -> Sequence[DeadLetter]:
        """Those that somebody is still to be told of, oldest first."""

    async def take(self, letter_id: str) -> bool:
        """Count one as told; of two callers at once only one gets true."""

    async def note(self, letter_id: str, notice: str | None) -> None:
        """Write down what became of telling."""

    async def resolve(self, letter_id: str, *, state: str, by: str, now: datetime) -> bool:
        """Change open → ``replayed`` or ``discarded``; false if it is not open."""

    async def resolve_of(self, execution_id: ExecutionId, *, state: str, by: str, now: datetime) -> bool:
        """The same for the open one of an execution; false if it has none."""
