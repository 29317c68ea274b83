"""What people do to executions: cancel, rerun, replay, discard. Each act is one transaction with an audit row."""

from collections.abc import Sequence
from dataclasses import replace

from engine.admission import Begun, Tells, reenter, start, tell
from engine.audit import Act, audit
from engine.endings import reopened
from engine.errors import Conflict, NotFound
from engine.graphs import Graphs
from engine.model.base import ExecutionId, JsonObject, ProjectId
from engine.model.execution import DeadLetter, Execution, Status
from engine.model.workflow import WorkflowStatus
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.replay_choices import FAILED, START, Choice, choose_version, edited_event, rerun_of
from engine.signals import CANCELLED, STIRRED
from engine.taking_over import kept_records


class Control:
    """People's acts on executions and dead letters."""

    def __init__(
        self, *, database: Database, broker: Broker, graphs: Graphs, announcements: Tells, clock: Clock
    ) -> None:
        self._database = database
        self._broker = broker
        self._graphs = graphs
        self._announcements = announcements
        self._clock = clock

    async def cancel(self, project: ProjectId, execution_id: ExecutionId, *, actor: str, reason: str = "") -> None:
        """End an execution, whatever it does and whether its executor lives.

        A call under way may still have its effect; nothing of it is recorded.

        Raises:
            NotFound; Conflict: It has ended already.
        """
        async with self._database.write() as uow:
            execution = await uow.executions.find(project, execution_id)
            if execution is None:
                raise NotFound(f'there is no execution "{execution_id}"')
            text = f"cancelled by {actor}" + (f": {reason}" if reason else "")
            before = await uow.executions.cancel(execution_id, now=self._clock.now(), reason=text)
            if before is None:
                raise Conflict(f"the execution has ended already, as {execution.status.value}")
            details = {"was": before.value}
            await audit(uow, self._clock, Act(project, actor), "execution.cancel", target=execution_id, details=details)
            await uow.commit()
        await self._broker.signal(CANCELLED, execution_id.encode())
        if execution.slot is not None:
            await self._broker.signal(STIRRED, execution.slot.encode())

    async def rerun(self, project: ProjectId, execution_id: ExecutionId, *, actor: str) -> ExecutionId:
        """Start a new execution from the same event, on the published version.

        Raises:
            NotFound; Conflict: The workflow has no published version.
        """
        now = self._clock.now()
        async with self._database.write() as uow:
            old = await uow.executions.find(project, execution_id)
            if old is None:
                raise NotFound(f'there is no execution "{execution_id}"')
            workflow = await uow.workflows.get(project, old.workflow_id)
            if workflow.published is None or workflow.status is WorkflowStatus.ARCHIVED:
                raise Conflict(f'the workflow "{workflow.name}" is {workflow.status.value}; publish a version first')
            definition = await self._graphs.definition(workflow.published, within=uow)
            fresh = rerun_of(old, definition, version_id=workflow.published, now=now)
            begun = await start(uow, fresh, definition, now=now)
            details = {"execution_id": fresh.id}
            await audit(uow, self._clock, Act(project, actor), "execution.rerun", target=execution_id, details=details)
            await uow.commit()
        tell(self._announcements, [begun])
        return fresh.id

    async def replay_execution(
        self, project: ProjectId, execution_id: ExecutionId, choice: Choice, *, actor: str
    ) -> ExecutionId:
        """Let an execution run again as a person chose; return the one that runs, which may be the same.

        Going on from the failed step is the same execution; everything else is a new one, for the same event or for a
        copy of it with other data. An open dead letter of the old one is resolved.

        Raises:
            NotFound; InvalidRequest: The choice makes no sense; Conflict: The execution is not in a state for it.
        """
        async with self._database.write() as uow:
            ready = await self.replay_in(uow, Act(project, actor), execution_id, choice)
            await uow.commit()
        tell(self._announcements, [ready])
        return ready.id

    async def replay_in(
        self,
        uow: UnitOfWork,
        act: Act,
        execution_id: ExecutionId,
        choice: Choice,
        *,
        once: bool = False,
        details: JsonObject | None = None,
    ) -> Begun:
        """Do the same in a transaction of the caller, who tells the executors after its commit.

        Args:
            once: Refuse a failed one that has no open dead letter, because somebody dealt with it already.
            details: More for the audit log.
        """
        choice.check()
        old = await uow.executions.find(act.project, execution_id)
        if old is None:
            raise NotFound(f'there is no execution "{execution_id}"')
        resolved = await uow.dead_letters.resolve_of(old.id, state="replayed", by=act.actor, now=self._clock.now())
        if once and old.status is Status.FAILED and not resolved:
            raise Conflict("somebody dealt with its dead letter already")
        if choice.begin == FAILED:
            ready = await self._go_on(uow, old)
        else:
            ready = await self._again(uow, old, choice, actor=act.actor)
        told = {"from": choice.begin, "edited": choice.edited, "execution_id": ready.id, **(details or {})}
        await audit(uow, self._clock, act, "execution.replay", target=old.id, details=told)
        return ready

    def tell(self, begun: Sequence[Begun]) -> None:
        """Pass on what ``replay_in`` made ready, after the commit."""
        tell(self._announcements, begun)

    async def replay(self, project: ProjectId, letter_id: str, *, actor: str) -> ExecutionId:
        """Put a dead letter's execution back: it goes on from the step that failed, with a new time limit.

        Raises:
            NotFound; Conflict: It was resolved already, or its execution is not failed.
        """
        now = self._clock.now()
        async with self._database.write() as uow:
            letter = await self._open_letter(uow, project, letter_id)
            execution = await uow.executions.find(project, letter.execution_id)
            if execution is None or execution.status is not Status.FAILED:
                raise Conflict("the execution of this dead letter is not failed any more")
            ready = await self._go_on(uow, execution)
            if not await uow.dead_letters.resolve(letter_id, state="replayed", by=actor, now=now):
                raise Conflict("somebody else resolved this dead letter at the same moment")
            await audit(uow, self._clock, Act(project, actor), "dead_letter.replay", target=letter_id)
            await uow.commit()
        tell(self._announcements, [ready])
        return letter.execution_id

    async def discard(self, project: ProjectId, letter_id: str, *, actor: str) -> None:
        """Mark a dead letter as dealt with; its execution stays failed. Raises NotFound, Conflict."""
        async with self._database.write() as uow:
            await self._open_letter(uow, project, letter_id)
            resolved = await uow.dead_letters.resolve(letter_id, state="discarded", by=actor, now=self._clock.now())
            if not resolved:
                raise Conflict("somebody else resolved this dead letter at the same moment")
            await audit(uow, self._clock, Act(project, actor), "dead_letter.discard", target=letter_id)
            await uow.commit()

    async def _go_on(self, uow: UnitOfWork, old: Execution) -> Begun:
        now = self._clock.now()
        settings = (await self._graphs.definition(old.version_id, within=uow)).settings
        seat = await reenter(uow, old, settings.admission, now=now)
        lane = await uow.executions.revive(old.id, now=now, deadline_at=now + settings.timeout)
        if lane is None:
            raise Conflict(f"the execution is {old.status.value}, not failed; replay it from start")
        if seat is not None:
            await uow.admissions.retake(old.id, seat)
        containers = (await self._graphs.get(old.version_id)).containers()
        steps = reopened(await uow.executions.steps(old.id), now=now, containers=containers)
        await uow.executions.rewrite(old.id, old.project_id, steps)
        return Begun(id=old.id, lane=lane, waits_at=seat.gate if seat is not None else None)

    async def _again(self, uow: UnitOfWork, old: Execution, choice: Choice, *, actor: str) -> Begun:
        now = self._clock.now()
        workflow = await uow.workflows.get(old.project_id, old.workflow_id)
        version_id = choose_version(workflow, old, choice)
        definition = await self._graphs.definition(version_id, within=uow)
        fresh = rerun_of(old, definition, version_id=version_id, now=now)
        if choice.edited:
            event_id = await edited_event(uow, old, definition, data=choice.data, actor=actor, now=now)
            fresh = replace(fresh, event_id=event_id)
        begun = await start(uow, fresh, definition, now=now)
        if choice.begin != START:
            records = await uow.executions.steps(old.id)
            graph = await self._graphs.get(version_id)
            kept = kept_records(graph, old, records, choice.begin, now=now)
            await uow.executions.take_over(fresh, kept)
        return begun

    async def _open_letter(self, uow: UnitOfWork, project: ProjectId, letter_id: str) -> DeadLetter:
        letter = await uow.dead_letters.find(project, letter_id)
        if letter is None:
            raise NotFound(f'there is no dead letter "{letter_id}"')
        if letter.state != "open":
            raise Conflict(f"the dead letter was {letter.state} already, by {letter.resolved_by}")
        return letter
