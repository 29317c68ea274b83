"""People's acts on executions that they debug. Each is one transaction with an audit row."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from engine.admission import Tells, start, tell
from engine.attempts import Attempts
from engine.audit import Act, audit
from engine.debugging.editing import Edits, marks_of
from engine.debugging.looking import Look, folded, look, position_of, tools_of
from engine.errors import Conflict, DefinitionError, InvalidRequest, NotFound
from engine.expressions import compile_expression
from engine.graph import Graph
from engine.graphs import Graphs
from engine.intake import Intake
from engine.model.base import ExecutionId, JsonObject, VersionId
from engine.model.debugging import Breakpoint, DebugPlan
from engine.model.event import NewEvent, Receipt
from engine.model.execution import Claimed, Execution, Status
from engine.ports import Clock, Database, UnitOfWork
from engine.replay_choices import START, Choice, choose_version, rerun_of
from engine.trials.places import nodes_by_place
from engine.trials.reading import of_execution
from engine.trials.recording import Recording, occasion_of

TIME: Final = timedelta(hours=24)
"""How long an execution may take from the last act of whoever debugs it; its own limit is for machines."""


class Debugging:
    """Starts, shows, changes and continues executions that people debug."""

    def __init__(
        self, *, database: Database, graphs: Graphs, intake: Intake, announcements: Tells, clock: Clock
    ) -> None:
        self._database = database
        self._graphs = graphs
        self._intake = intake
        self._announcements = announcements
        self._clock = clock

    async def start(self, event: NewEvent, plan: DebugPlan, *, graph: Graph, act: Act) -> Receipt:
        """Accept an event whose execution is debugged from its first node on.

        Raises:
            InvalidRequest: A breakpoint makes no sense in this version.
            Conflict: The event starts nothing, for the reason in the message; nothing was stored.
        """
        check_plan(plan, graph)
        async with self._database.write() as uow:
            [receipt] = await self._intake.accept_in(uow, [event])
            execution = None
            if receipt.execution_id is not None:
                execution = await uow.executions.find(act.project, receipt.execution_id)
            if execution is None or execution.event_id != receipt.event_id:
                why = f"{receipt.fate.value}: {receipt.reason or 'another execution takes it in'}"
                raise Conflict(f"nothing was started for the event alone, it would be {why}")
            await self._debug(uow, execution.id, plan, act=act, did="start")
            await uow.commit()
        self._intake.announce([receipt])
        return receipt

    async def attach(self, execution_id: ExecutionId, plan: DebugPlan, *, published: bool, act: Act) -> ExecutionId:
        """Debug an execution by a plan from where it rests, or the same event again if it has ended.

        Raises:
            NotFound; InvalidRequest: A breakpoint makes no sense.
            Conflict: It is running; pause it first.
        """
        begun = None
        async with self._database.write() as uow:
            await uow.executions.debugged(execution_id, lock=True)
            execution = await _find(uow, act, execution_id)
            if execution.status is Status.RUNNING:
                raise Conflict("the execution is running; pause it, then debug it")
            if execution.status.is_final:
                workflow = await uow.workflows.get(act.project, execution.workflow_id)
                version_id = choose_version(workflow, execution, Choice(begin=START, published=published))
                definition = await self._graphs.definition(version_id, within=uow)
                fresh = rerun_of(execution, definition, version_id=version_id, now=self._clock.now())
                check_plan(plan, await self._graph(uow, version_id))
                begun = await start(uow, fresh, definition, now=self._clock.now())
                await self._debug(uow, fresh.id, plan, act=act, did="rerun")
            else:
                check_plan(plan, await self._graph(uow, execution.version_id))
                records = await uow.executions.steps(execution_id)
                since = max((record.seq for record in records), default=0)
                await self._debug(uow, execution_id, replace(plan, since=since), act=act, did="attach")
            await uow.commit()
        if begun is None:
            return execution_id
        tell(self._announcements, [begun])
        return begun.id

    async def look(self, execution_id: ExecutionId, *, act: Act) -> Look:
        """Show an execution as it stands. Raises NotFound; Conflict: nobody debugs it, or its event is gone."""
        async with self._database.read() as uow:
            execution, plan = await self._debugged(uow, execution_id, act, lock=False)
            recording = await of_execution(uow, act.project, execution_id)
            graph = await self._graph(uow, execution.version_id)
        try:
            return look(execution, plan, claimed=_claimed(recording, graph), graph=graph, clock=self._clock)
        except ValueError as exc:
            raise Conflict(f"the execution cannot be shown: {exc}") from exc

    async def edit(self, execution_id: ExecutionId, edits: Edits, *, act: Act) -> None:
        """Change what the rest of a standing execution sees. The change is a record, and shown with who made it.

        Raises:
            NotFound; InvalidRequest: Something is edited that is not there. Conflict: It does not stand.
        """
        now = self._clock.now()
        async with self._database.write() as uow:
            execution, plan = await self._standing(uow, execution_id, act)
            recording = await of_execution(uow, act.project, execution_id)
            graph = await self._graph(uow, execution.version_id)
            claimed = _claimed(recording, graph)
            position = position_of(execution, claimed.steps)
            try:
                data = Attempts(claimed, graph, tools_of(self._clock)).data
                state = folded(graph, claimed, data, position)
            except ValueError as exc:
                raise Conflict(f"the execution cannot be edited: {exc}") from exc
            marks = marks_of(edits, graph=graph, state=state, position=position, actor=act.actor, now=now)
            await uow.executions.rewrite(execution_id, act.project, marks)
            details: JsonObject = {"edited": [mark.log[0] for mark in marks]}
            await self._debug(uow, execution_id, plan, act=act, did="edit", details=details)
            await uow.commit()

    async def go_on(self, execution_id: ExecutionId, *, stepping: bool, act: Act) -> None:
        """Let an execution run to the next breakpoint, or by one node.

        Raises:
            NotFound; Conflict: It does not stand.
        """
        async with self._database.write() as uow:
            execution, plan = await self._standing(uow, execution_id, act)
            did = "step" if stepping else "continue"
            await self._debug(uow, execution_id, replace(plan, stepping=stepping), act=act, did=did)
            back = await uow.executions.unpause(execution_id, now=self._clock.now())
            await uow.commit()
        if back is not None and back[0] is Status.QUEUED:
            self._announcements.announce({execution.lane: [execution_id]})

    async def set_breakpoints(self, execution_id: ExecutionId, points: Sequence[Breakpoint], *, act: Act) -> None:
        """Replace the breakpoints of an execution that does not run.

        Raises:
            NotFound; InvalidRequest; Conflict: It runs or has ended, or nobody debugs it.
        """
        async with self._database.write() as uow:
            execution, plan = await self._debugged(uow, execution_id, act)
            if execution.status is Status.RUNNING or execution.status.is_final:
                raise Conflict(f"the execution is {execution.status.value}; breakpoints are set while it rests")
            changed = replace(plan, breakpoints=tuple(points))
            check_plan(changed, await self._graph(uow, execution.version_id))
            await self._debug(uow, execution_id, changed, act=act, did="breakpoints")
            await uow.commit()

    async def _debug(
        self,
        uow: UnitOfWork,
        execution_id: ExecutionId,
        plan: DebugPlan,
        *,
        act: Act,
        did: str,
        details: JsonObject | None = None,
    ) -> None:
        deadline_at = self._clock.now() + TIME
        await uow.executions.debug(execution_id, plan, deadline_at=deadline_at)
        await audit(uow, self._clock, act, f"execution.debug.{did}", target=execution_id, details=details)

    async def _debugged(
        self, uow: UnitOfWork, execution_id: ExecutionId, act: Act, *, lock: bool = True
    ) -> tuple[Execution, DebugPlan]:
        told = await uow.executions.debugged(execution_id, lock=lock)
        execution = await _find(uow, act, execution_id)
        if told is None or told.plan is None:
            raise Conflict("nobody debugs this execution; attach to it while it rests, or run it again")
        return execution, told.plan

    async def _standing(self, uow: UnitOfWork, execution_id: ExecutionId, act: Act) -> tuple[Execution, DebugPlan]:
        execution, plan = await self._debugged(uow, execution_id, act)
        if execution.status is not Status.PAUSED:
            raise Conflict(f"the execution is {execution.status.value}; it does not stand at a breakpoint")
        return execution, plan

    async def _graph(self, uow: UnitOfWork, version_id: VersionId) -> Graph:
        await self._graphs.definition(version_id, within=uow)
        return await self._graphs.get(version_id)  # it is known now, so this needs no transaction of its own


def check_plan(plan: DebugPlan, graph: Graph) -> None:
    """Raises InvalidRequest: a breakpoint is at no node, or its condition is not in the language."""
    places = nodes_by_place(graph)
    for point in plan.breakpoints:
        if point.node not in places:
            known = ", ".join(places)[:500]
            raise InvalidRequest(f'a breakpoint is at "{point.node[:100]}", which is no node; there are {known}')
        if point.condition is not None:
            try:
                compile_expression(point.condition)
            except DefinitionError as exc:
                raise InvalidRequest(f'the condition of the breakpoint at "{point.node}" is wrong: {exc}') from exc


def _claimed(recording: Recording, graph: Graph) -> Claimed:
    """A standing execution as an executor would get it."""
    execution = recording.execution
    assert execution is not None  # noqa: S101  it was found in the same transaction
    occasion = occasion_of(recording, trigger_key=recording.trigger_key, execution_id=execution.id)
    return occasion.claimed(graph, steps=recording.records, woken_at=execution.woken_at)


async def _find(uow: UnitOfWork, act: Act, execution_id: ExecutionId) -> Execution:
    execution = await uow.executions.find(act.project, execution_id)
    if execution is None:
        raise NotFound(f'there is no execution "{execution_id}"')
    return execution
