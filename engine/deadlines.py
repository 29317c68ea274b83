"""Time limits of executions, enforced also where the executor cannot: it is stuck, frozen or gone.

An executor ends its executions itself when their time is up, and records its steps. Some seconds later this service
ends those that are still there, as failed with a dead letter, and raises their epoch: whatever a stuck executor still
writes changes nothing. ``finally`` and undo do not run then, because whoever would run them is stuck.

Which step was under way is told by the recorded steps, which say what could run, and by the executor's heartbeat,
which names the calls that have been under way for a while. A step that had no time to show in either is not named.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from engine.attempts import TIMEOUT_CODE
from engine.endings import closed, enclosing
from engine.errors import DefinitionError, NotFound
from engine.fingerprint import fingerprint
from engine.graph import Graph
from engine.graphs import Graphs
from engine.model.base import JsonObject, format_duration, new_id
from engine.model.execution import DeadLetter, Failure, Overdue, Status, StepRecord, StepStatus
from engine.nodes import PURE
from engine.planner import apply, begin
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.service import AT_ONCE
from engine.signals import CANCELLED
from engine.state import Visit

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=5)
"""How long after the time limit the executor may end the execution itself."""
EVERY = timedelta(seconds=1)


class Deadlines:
    """End executions whose time was up ``grace`` ago. Two at once do no harm: each is locked by one of them."""

    name = "deadlines"

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        graphs: Graphs,
        clock: Clock,
        grace: timedelta = GRACE,
        batch: int = 50,
    ) -> None:
        self._database = database
        self._broker = broker
        self._graphs = graphs
        self._clock = clock
        self._grace = grace
        self._batch = batch

    async def tick(self) -> timedelta:
        """End one batch in one transaction, then tell their executors to stop. A crash in between costs them time."""
        now = self._clock.now()
        async with self._database.read() as uow:
            late = await uow.executions.overdue(before=now - self._grace, limit=self._batch)
        if not late:
            return EVERY
        graphs = {each.version_id: await self._graph(each) for each in late}
        ended = []
        async with self._database.write() as uow:
            for each in await uow.executions.overdue(before=now - self._grace, limit=self._batch, lock=True):
                if each.version_id in graphs:  # the others wait for the next pass
                    await self._end(uow, each, graphs[each.version_id], now)
                    ended.append(each)
            await uow.commit()
        for each in ended:
            await self._broker.signal(CANCELLED, each.id.encode())
        log.warning("executions ended because their time was up", extra={"count": len(ended)})
        return AT_ONCE if len(late) == self._batch else EVERY

    async def _graph(self, each: Overdue) -> Graph | None:
        try:
            return await self._graphs.get(each.version_id)
        except (NotFound, DefinitionError):  # what this release cannot read ends all the same
            return None

    async def _end(self, uow: UnitOfWork, each: Overdue, graph: Graph | None, now: datetime) -> None:
        steps = await uow.executions.steps(each.id)
        details = {} if each.owner is None else await uow.liveness.details(each.owner)
        under_way = _under_way(graph, each, steps, told=_told(details, each))
        failure = _failure(graph, each, under_way or _told(details, each))
        ends = closed(steps, failure, now=now)
        ends += _stopped(under_way, [*steps, *ends], failure, now)
        letter = DeadLetter(
            id=new_id(),
            project_id=each.project_id,
            workflow_id=each.workflow_id,
            execution_id=each.id,
            step=failure.step,
            code=failure.code,
            message=failure.message,
            fingerprint=fingerprint(failure.step, failure.code, failure.message),
            created_at=now,
            notify="" if graph is None else graph.settings.on_failure,
        )
        await uow.executions.expire(each, failure, ends, letter, now=now)


def _told(details: JsonObject, each: Overdue) -> list[str]:
    """The paths of the calls that its owner says are under way."""
    return [str(call["step"]) for call in details.get("calls", ()) if call.get("execution") == each.id]


def _under_way(
    graph: Graph | None, each: Overdue, steps: Sequence[StepRecord], *, told: Collection[str]
) -> dict[str, Visit]:
    """The visits that follow from the recorded steps and had begun, by path: all that wait; of the others the effects.

    Of those only the ones that the executor named, if it named any that follows.
    """
    if graph is None or each.status is Status.QUEUED:
        return {}
    state = begin(graph, each.trigger_key, None)
    try:
        for record in steps:
            apply(state, record)
    except ValueError:
        return {}
    known = {record.path for record in steps}
    begun = {
        path: visit
        for path, visit in state.pending.items()
        if path in known or (each.status is Status.RUNNING and visit.node.kind not in PURE)
    }
    named = {path: visit for path, visit in begun.items() if path in told}
    return named or begun


def _failure(graph: Graph | None, each: Overdue, paths: Collection[str]) -> Failure:
    limit = "" if graph is None else f", {format_duration(graph.settings.timeout)}"
    shown = ", ".join(list(paths)[:10])
    where = f"; under way: {shown}" if shown else f"; it was still {each.status.value}"
    message = f"the execution took longer than settings.timeout{limit}{where}"
    return Failure(code=TIMEOUT_CODE, message=message, step=next(iter(paths), None))


def _stopped(
    under_way: dict[str, Visit], steps: Sequence[StepRecord], failure: Failure, now: datetime
) -> list[StepRecord]:
    """Records of the steps that were under way and left no record of their own; a replay begins them again."""
    known = {(record.path, record.attempt) for record in steps}
    ending = {record.path for record in steps if record.attempt == 0}  # what is inside an open step ends with it
    seq = max((record.seq for record in steps), default=0)
    absent = [
        visit
        for visit in under_way.values()
        if (visit.path, visit.attempt) not in known and ending.isdisjoint(enclosing(visit.path))
    ]
    return [
        StepRecord(
            path=visit.path,
            node=visit.node.key,
            attempt=visit.attempt,
            seq=seq + place,
            status=StepStatus.CANCELLED,
            started_at=now,
            finished_at=now,
            error=failure,
        )
        for place, visit in enumerate(absent, start=1)
    ]
