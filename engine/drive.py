"""Drive one claimed execution as far as it can go: to its end, to a wait, or to a failure.

Pure nodes run at once and are recorded with the next commit. Effects run as tasks, several at a time when branches are
parallel; what an effect gave is committed before the next effect begins, and an unrepeatable one is announced by a
commit before it is made. A crash anywhere leaves the recorded steps, from which the next owner goes on.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from engine.attempts import Attempts, Tools, overtime
from engine.bodies import is_spread
from engine.calls import CallGroup
from engine.closing import conclude
from engine.edits import frame_at
from engine.errors import OutcomeUnknown, PatchbayError
from engine.graph import Graph
from engine.journal import Journal, dead_letter
from engine.model.action import Effect
from engine.model.execution import Claimed, Failure, Status, StepRecord, StepStatus
from engine.model.outcome import Outcome, Succeeded, Unknown
from engine.nodes import PURE
from engine.nodes.base import Attempt, PreparedCall, failed
from engine.planner import apply, begin, begun, due_reason, first_idle, next_due, result, resume, wake
from engine.records import cancelled, intend, settle
from engine.results import kept
from engine.state import Ending, Phase, Stage, State, Visit
from engine.stops import Stop, open_stops

PURE_TURNS = 200
"""After so many rounds of pure steps the event loop gets a turn, so that a long chain cannot delay a heartbeat."""

LARGEST_JOURNAL = 1000
"""After so many records a commit is made, so that a long loop needs no more memory than a short one."""

CLOSING_TIME = timedelta(minutes=10)
"""How long undos and ``finally`` may take after the end of the work, even if the execution's time was up."""

_Ready: TypeAlias = tuple[Visit, Attempt, PreparedCall]


async def drive(claimed: Claimed, graph: Graph, tools: Tools) -> None:
    """Run an execution until nothing can go on without time passing, and record where it came to rest.

    Raises:
        OwnershipLost: From the last commit on, nothing of ours was written.
    """
    journal = Journal(claimed, owner=tools.owner, recorder=tools.recorder)
    try:
        attempts = Attempts(claimed, graph, tools)
        state = begin(graph, claimed.trigger_key, attempts.data)
        for record in claimed.steps:
            apply(state, record)
        resume(state, claimed.arrivals)
    except PatchbayError as exc:
        failure = failed(exc, step="trigger").failure
    except ValueError as exc:
        failure = Failure(code="corrupt_history", message=str(exc))
    else:
        await _Drive(claimed, tools, attempts=attempts, state=state, journal=journal).to_rest()
        return
    now = tools.clock.now()
    await journal.fail(failure, dead_letter(claimed, failure, now, notify=graph.settings.on_failure), now)


def is_call(visit: Visit) -> bool:
    """Whether a visit changes something outside: it calls an action, runs code, waits for others, or starts them."""
    return visit.node.bypass is None and (visit.node.kind not in PURE or is_spread(visit))


class _Drive:
    """The flow of one execution. ``_calls`` are effects ready to begin, ``_running`` those under way."""

    def __init__(self, claimed: Claimed, tools: Tools, *, attempts: Attempts, state: State, journal: Journal) -> None:
        self._claimed = claimed
        self._graph = state.graph
        self._tools = tools
        self._attempts = attempts
        self._state = state
        self._journal = journal
        self._stops = open_stops(claimed, attempts, tools.clock)
        self._calls: list[Visit] = []
        self._running: dict[asyncio.Future[Outcome], tuple[Visit, datetime]] = {}
        self._out_of_time = False

    def _now(self) -> datetime:
        """The time; never before that at which the execution was woken, by a machine whose clock may be ahead."""
        return max(self._tools.clock.now(), self._claimed.woken_at)

    async def to_rest(self) -> None:
        if self._claimed.steps:
            self._settle_unknown()
        self._pass_time()
        await self._advance()
        while True:
            if self._calls:
                async with self._tools.calls.group(self._claimed.id) as group:
                    while self._running or (self._calls and not self._is_pausing):
                        if not self._is_pausing:
                            await self._begin_calls(group)
                        await self._wait()
                        await self._advance()
            if self._is_pausing or self._stop or not self._conclude():
                break
            await self._advance()
        await self._come_to_rest()

    @property
    def _is_pausing(self) -> bool:
        """Whether no further node may start: a person asked for a pause. An execution that is ending goes on to end."""
        return self._state.ending is None and self._claimed.id in self._tools.pausing

    @property
    def _stop(self) -> Stop | None:
        """Where a debugged execution stands, if it does."""
        return None if self._stops is None or self._is_over else self._stops.stop

    def _settle_unknown(self) -> None:
        """A call that an earlier owner announced and never recorded may have happened: nobody guesses."""
        now = self._now()
        for visit in [visit for visit in self._state.pending.values() if visit.intended]:
            message = f'the executor died during the call at "{visit.path}"; look whether it happened, then replay'
            failure = Failure(code=OutcomeUnknown.code, message=message, step=visit.path)
            self._settle(visit, Unknown(failure=failure), now, effect=True)

    def _pass_time(self) -> None:
        """Wake what is due, and end the execution if its time is up."""
        state, now = self._state, self._now()
        wake(state, now)
        if now < self._attempts.deadline_at or not state.pending:
            return
        if state.phase is not Phase.WORK:
            self._out_of_time = True
            if state.ending is None or state.ending.status is Status.SUCCEEDED:
                state.ending = Ending(Status.FAILED, error=overtime(self._graph, next(iter(state.pending))))
        elif state.ending is None:
            calling = {visit.path for visit, _ in self._running.values()}  # their own time limit ends them
            if (visit := first_idle(state, calling)) is not None:
                self._record(cancelled(state, visit, now=now, error=overtime(self._graph, visit.path)), effect=False)

    def _conclude(self) -> bool:
        """When the work is over, begin what comes after it; false if something waits or nothing is left."""
        state = self._state
        if self._out_of_time or (state.pending and not state.stopping):
            return False
        if state.pending:
            self._cancel(begun(state))
        began = state.phase
        if not conclude(state):
            return False
        if began is Phase.WORK:
            self._attempts.deadline_at = max(self._attempts.deadline_at, self._now() + CLOSING_TIME)
            self._journal.extend(self._attempts.deadline_at)
        return True

    async def _advance(self) -> None:
        """Run pure nodes until only calls and waits are left."""
        state, turns = self._state, 0
        while (state.ready or state.closing) and not self._holds_back:
            if state.closing:
                self._cancel_doomed()
            taken = state.take_ready()
            if not taken:
                break
            now = self._now()
            for visit in taken:
                if self._stops is not None and not self._stops.may_begin(state, visit):
                    continue
                if is_call(visit):
                    self._calls.append(visit)
                elif visit.path in state.pending and (state.ending is None or not state.stopping):
                    self._settle(visit, self._attempts.run_pure(state, visit, now), now, effect=False)
            turns += 1
            if turns % PURE_TURNS == 0:
                await asyncio.sleep(0)
                self._pass_time()
            if self._journal.size >= LARGEST_JOURNAL:
                await self._journal.checkpoint()
        if state.ending is not None and self._is_over:
            self._calls.clear()

    @property
    def _holds_back(self) -> bool:
        """Whether nothing further may begin: the work is over, or a person asked for a pause."""
        if self._state.ending is not None:
            return self._is_over
        return bool(self._tools.pausing) and self._is_pausing

    @property
    def _is_over(self) -> bool:
        return self._state.stopping or self._out_of_time

    def _cancel_doomed(self) -> None:
        """Cancel what belongs to iterations and branches that come to an early end, until none of it is left."""
        while doomed := self._state.doomed():
            for call in [call for call, (visit, _) in self._running.items() if visit in doomed]:
                call.cancel()
                del self._running[call]
            self._cancel(doomed)
        self._calls = [visit for visit in self._calls if visit.path in self._state.pending]

    def _cancel(self, visits: Iterable[Visit]) -> None:
        for visit in visits:
            if visit.path in self._state.pending:
                self._record(cancelled(self._state, visit, now=self._now()), effect=False)

    async def _begin_calls(self, group: CallGroup) -> None:
        """Commit what must not be lost, then start the calls that are ready."""
        visits, self._calls = self._calls, []
        now = self._now()
        prepared = []
        for visit in visits:
            ready = self._attempts.prepare(self._state, visit, now)
            if isinstance(ready, tuple):
                prepared.append((visit, *ready))
            else:
                self._settle(visit, ready, now, effect=False)
        if self._graph.caches:
            prepared = await self._recall(prepared, now)
        for visit, _, call in prepared:
            if call.effect is Effect.UNREPEATABLE:
                self._record(intend(self._state, visit, now=now), effect=True)
        if prepared and (self._journal.is_urgent or not self._tools.is_alive()):
            await self._journal.checkpoint()
        started_at = self._now()
        for visit, attempt, call in prepared:
            self._running[self._attempts.begin(group, attempt, call)] = (visit, started_at)

    async def _recall(self, prepared: list[_Ready], now: datetime) -> list[_Ready]:
        """Settle the calls whose results are kept, and return the others.

        A kept result may have expired at the next look: like a call's, it is committed before the next effect begins.
        """
        instead = await self._attempts.recall([(attempt, call) for _, attempt, call in prepared], now)
        left = []
        for visit, attempt, call in prepared:
            what = instead.get(visit.path, call)
            if isinstance(what, Outcome):
                self._settle(visit, what, now, effect=True)
            else:
                left.append((visit, attempt, what))
        return left

    async def _wait(self) -> None:
        """Wait for a call to end or a waiting visit to fall due, whichever comes first."""
        if self._running:
            if self._journal.is_urgent:
                await self._journal.checkpoint()
            due_at = next_due(self._state)
            now = self._now()
            limit = None if due_at is None else max((due_at - now).total_seconds(), 0)
            done, _ = await asyncio.wait(self._running, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                visit, started_at = self._running.pop(task)
                self._settle(visit, task.result(), started_at, effect=True)
        self._pass_time()

    def _settle(self, visit: Visit, outcome: Outcome, started_at: datetime, *, effect: bool) -> None:
        now, jitter = self._now(), self._tools.jitter()
        record = settle(self._state, visit, outcome, started_at=started_at, now=now, jitter=jitter)
        self._record(record, outcome, effect=effect)

    def _record(self, record: StepRecord, outcome: Outcome | None = None, *, effect: bool) -> None:
        frame = frame_at(self._state, record.path) if self._stops is not None else None
        apply(self._state, record)
        response = outcome.response if isinstance(outcome, Succeeded) else None
        if isinstance(outcome, Succeeded) and outcome.keep is not None:
            self._journal.keep(kept(outcome.keep, record))
        self._journal.add(record, urgent=effect or record.status is StepStatus.WAITING, response=response)
        if self._stops is not None and frame is not None:
            self._stops.ended(self._state, record, frame)

    async def _come_to_rest(self) -> None:
        state, now = self._state, self._now()
        ending = state.ending
        if (stop := self._stop) is not None:
            self._record(stop.record(state.seq + 1, now), effect=False)
            await self._journal.stand()
            return
        if ending is None and state.pending and self._is_pausing:
            waits = all(visit.stage in (Stage.WAITING, Stage.OPEN) for visit in state.pending.values())
            await self._journal.pause(next_due(state) if waits else None, due_reason(state) if waits else None)
            return
        if state.pending and not self._is_over:
            due_at = next_due(state) or now
            await self._journal.suspend(min(due_at, self._attempts.deadline_at), due_reason(state))
            return
        self._cancel(begun(state))
        if ending is None:
            await self._journal.succeed(result(state), now)
        elif ending.status is Status.SUCCEEDED:
            await self._journal.succeed(ending.output, now)
        else:
            failure = ending.error or Failure(code="step_failed", message="a step failed")
            notify = self._graph.settings.on_failure
            await self._journal.fail(failure, dead_letter(self._claimed, failure, now, notify=notify), now)
