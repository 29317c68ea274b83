"""Executions that steps start: each exactly once, whoever asks how often, and their parents woken when they end.

The parent's row is locked while a child is started, so an old owner starts nothing, and a cancellation comes either
before, and nothing is started, or after, and finds the child. The child's event carries a dedupe key that is made of
the parent, the path and the attempt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from engine.errors import ChildRefused, Conflict, InvalidInput, LimitExceeded, NotFound
from engine.graphs import Graphs
from engine.intake import Intake
from engine.manual_starts import manual_trigger, require_input
from engine.model.arrival import Awaited
from engine.model.base import ExecutionId
from engine.model.event import Fate, NewEvent, Receipt
from engine.model.execution import Status
from engine.model.lineage import Parent
from engine.model.workflow import WorkflowStatus
from engine.nodes.child import Begun, ChildOrder
from engine.patience import until_available
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.repositories.children import Child, Holder, OpenWait
from engine.signals import CANCELLED
from engine.versions import PUBLISHED, find_version

DEEPEST = 10


@dataclass(frozen=True, slots=True)
class _Refused:
    """An event that was stored and starts nothing."""

    reason: str


class Children:
    """Starts children and gives them up. ``deepest`` is how many executions may stand below one another."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        intake: Intake,
        graphs: Graphs,
        clock: Clock,
        deepest: int = DEEPEST,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._broker = broker
        self._intake = intake
        self._graphs = graphs
        self._clock = clock
        self._deepest = deepest
        self._sleep = sleep

    async def begin(self, order: ChildOrder) -> Begun:
        """Start the child of a step's attempt, or find the one that was started.

        Raises:
            InvalidInput: There is no such workflow or version, or the input does not suit it.
            ChildRefused: It takes no executions now.
            LimitExceeded: It would be too deep; the message names the chain.
        """
        begun = await until_available(lambda: self._begin(order), what="start a child", sleep=self._sleep)
        if isinstance(begun, _Refused):
            raise ChildRefused(f'the workflow "{order.workflow}" did not start: {begun.reason}')
        return begun

    async def give_up(self, order: ChildOrder, child: ExecutionId) -> bool:
        """Cancel a child that is waited for no longer; false if it has ended meanwhile.

        One that other events go into as well runs on.
        """

        async def cancel() -> bool:
            async with self._database.write() as uow:
                await uow.children.close(order.execution_id, order.path)
                execution = await uow.children.lock(child)
                if execution is not None and execution.parent_id != order.execution_id:
                    await uow.commit()
                    return not execution.status.is_final
                reason = f'the step "{order.path}" of its parent {order.execution_id} waited no longer'
                had = await uow.executions.cancel(child, now=self._clock.now(), reason=reason)
                await uow.commit()
            return had is not None

        gone = await until_available(cancel, what="cancel a child", sleep=self._sleep)
        if gone:
            await self._broker.signal(CANCELLED, child.encode())
        return gone

    async def _begin(self, order: ChildOrder) -> Begun | _Refused:
        async with self._database.write() as uow:
            holder = await uow.children.hold(order.execution_id, epoch=order.epoch)
            if holder is None:
                return Begun(event_id=None)
            found = _fitting(await uow.children.of(order.execution_id, order.path), order.slot)
            if found is not None:
                begun = await self._rejoin(uow, order, found)
                await uow.commit()
                return begun
            receipt = await self._start(uow, holder, order)
            joined = await self._join(uow, order, receipt)
            await uow.commit()
        self._intake.announce([receipt])
        return joined

    async def _join(self, uow: UnitOfWork, order: ChildOrder, receipt: Receipt) -> Begun | _Refused:
        """Let the parent wait for what became of its event: an execution, also one that others started."""
        if receipt.fate not in _ALIVE:
            return _Refused(receipt.reason)
        begun = Begun(event_id=receipt.event_id, execution_id=receipt.execution_id)
        if not order.awaited:
            return begun
        if receipt.fate is not Fate.MERGED or receipt.execution_id is None:
            await uow.children.open(order.project_id, [self._wait(order, receipt.event_id)])
            return begun
        child = await uow.children.lock(receipt.execution_id)
        if child is None:
            return _Refused("the execution that its data went into is gone")
        if not child.status.is_final:
            await uow.children.watch(child.id)
            await uow.children.open(order.project_id, [self._wait(order, child.id)])
        return replace(begun, execution=child)

    async def _rejoin(self, uow: UnitOfWork, order: ChildOrder, found: Child) -> Begun:
        """Take up a child that was started before: it has ended, or the parent waits for it."""
        child = await uow.children.lock(found.execution.id) or found.execution
        if child.status.is_final:
            await uow.children.close(order.execution_id, order.path)
        else:
            await uow.children.open(order.project_id, [self._wait(order, child.event_id)])
        return Begun(event_id=child.event_id, execution_id=child.id, execution=child)

    async def _start(self, uow: UnitOfWork, holder: Holder, order: ChildOrder) -> Receipt:
        depth = holder.depth + 1
        if depth > self._deepest:
            chain = " > ".join([*await uow.children.lineage(holder.id), order.workflow])
            raise LimitExceeded(f"children may stand {self._deepest} deep, and this one would be deeper: {chain}")
        workflow = await uow.workflows.find(order.project_id, order.workflow)
        if workflow is None:
            raise InvalidInput(f'there is no workflow "{order.workflow}"')
        trigger = await manual_trigger(uow, order.project_id, workflow)
        if trigger is None or workflow.status is WorkflowStatus.DRAFT:
            raise ChildRefused(f'the workflow "{workflow.name}" is {workflow.status.value}; publish a version first')
        version_id = None
        if order.version != PUBLISHED:
            try:
                version_id = (await find_version(uow, workflow, order.version)).id
            except (NotFound, Conflict) as exc:
                raise InvalidInput(str(exc)) from exc
        definition = await self._graphs.definition(version_id or trigger.version_id, within=uow)
        require_input(definition, trigger.key, order.data)
        parent = Parent(
            execution_id=order.execution_id,
            path=order.path,
            slot=order.slot,
            depth=depth,
            awaited=order.awaited,
            version_id=version_id,
        )
        event = NewEvent(
            trigger_id=trigger.id,
            dedupe_key=_dedupe_key(order),
            occurred_at=self._clock.now(),
            data=order.data,
            parent=parent,
        )
        (receipt,) = await self._intake.accept_in(uow, [event])
        return receipt

    def _wait(self, order: ChildOrder, subject: str) -> OpenWait:
        return OpenWait(
            execution_id=order.execution_id,
            path=order.path,
            subject=subject,
            kind=Awaited.CHILD,
            opened_at=self._clock.now(),
        )


_ALIVE = (Fate.STARTED, Fate.HELD, Fate.MERGED)


def _dedupe_key(order: ChildOrder) -> str:
    key = f"{order.execution_id}:{order.path}"
    return key if order.slot == "1" else f"{key}:{order.slot}"


def _fitting(children: Sequence[Child], slot: str) -> Child | None:
    """The child to wait for: this attempt's own, else one of an earlier attempt that a replay brought to life."""
    own = [child for child in children if child.slot == slot]
    good = [child for child in children if child.execution.status is Status.SUCCEEDED]
    live = [child for child in children if not child.execution.status.is_final]
    return next(iter([*own, *good, *live]), None)
