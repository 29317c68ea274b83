"""Failed executions are handed to the workflow that ``settings.on_failure`` names, once each, from the committed state.

The dead letter is stored in the transaction that fails the execution, whoever fails it, and says that somebody is to be
told. This service tells, and writes down what became of it: nothing is silent, also not that there is nobody to tell.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from engine.errors import DefinitionError, InvalidInput, NotFound
from engine.graphs import Graphs
from engine.intake import Intake
from engine.manual_starts import manual_trigger, require_input
from engine.model.base import JsonObject, WorkflowId
from engine.model.event import Event, Fate, NewEvent, Receipt
from engine.model.execution import DeadLetter, Execution
from engine.model.workflow import Workflow
from engine.ports import Clock, Database, UnitOfWork
from engine.service import AT_ONCE

log = logging.getLogger(__name__)

EVERY = timedelta(milliseconds=500)
LONGEST_CHAIN = 5
ENVELOPE = "failure"
"""The name in the envelope of an event that a failure caused; its ``chain`` are the workflows that failed before."""


class FailureNotices:
    """Tells of failures. Two at once do no harm: each dead letter is taken by one, and its event has a dedupe key."""

    name = "failure_notices"

    def __init__(
        self, *, database: Database, intake: Intake, graphs: Graphs, clock: Clock, public_url: str, batch: int = 50
    ) -> None:
        self._database = database
        self._intake = intake
        self._graphs = graphs
        self._clock = clock
        self._public_url = public_url
        self._batch = batch

    async def tick(self) -> timedelta:
        """Tell of one batch, each in a transaction of its own. A crash before a commit leaves it to the next pass."""
        async with self._database.read() as uow:
            letters = await uow.dead_letters.untold(limit=self._batch)
        for letter in letters:
            await self._tell(letter)
        return AT_ONCE if len(letters) == self._batch else EVERY

    async def _tell(self, letter: DeadLetter) -> None:
        receipts: Sequence[Receipt] = ()
        async with self._database.write() as uow:
            if not await uow.dead_letters.take(letter.id):
                return  # another one was faster
            notice, receipts = await self._hand_over(uow, letter)
            await uow.dead_letters.note(letter.id, notice)
            await uow.commit()
        self._intake.announce(receipts)
        if notice is not None and not receipts:
            log.warning("failure not handed over", extra={"execution_id": letter.execution_id, "reason": notice})

    async def _hand_over(self, uow: UnitOfWork, letter: DeadLetter) -> tuple[str | None, Sequence[Receipt]]:
        execution = await uow.executions.find(letter.project_id, letter.execution_id)
        if execution is None:
            return None, ()
        wanted = letter.notify or await self._wanted(uow, execution)
        if not wanted:
            return None, ()
        target = await uow.workflows.find(letter.project_id, wanted)
        if target is None:
            return f'settings.on_failure names the workflow "{wanted}", and there is none', ()
        event = await uow.events.find(letter.project_id, execution.event_id)
        chain = _chain(execution, event)
        if target.id in chain or len(chain) > LONGEST_CHAIN:
            return f'not handed to "{target.name}": it would be told of failures that follow from its own', ()
        return await self._send(uow, letter, execution, event=event, target=target, chain=chain)

    async def _wanted(self, uow: UnitOfWork, execution: Execution) -> str | None:
        """What the version says, where who failed the execution could not know it."""
        try:
            return (await self._graphs.definition(execution.version_id, within=uow)).settings.on_failure
        except (DefinitionError, NotFound):
            return None

    async def _send(
        self,
        uow: UnitOfWork,
        letter: DeadLetter,
        execution: Execution,
        *,
        event: Event | None,
        target: Workflow,
        chain: Sequence[WorkflowId],
    ) -> tuple[str, Sequence[Receipt]]:
        trigger = await manual_trigger(uow, letter.project_id, target)
        if trigger is None:
            return f'not handed to "{target.name}": it is {target.status.value}; publish a version', ()
        data = await self._data(uow, letter, execution, event=event)
        try:
            require_input(await self._graphs.definition(trigger.version_id, within=uow), trigger.key, data)
        except (InvalidInput, DefinitionError) as exc:
            return f'not handed to "{target.name}": {exc}', ()
        new = NewEvent(
            trigger_id=trigger.id,
            dedupe_key=f"failure:{letter.execution_id}:{letter.id}",
            occurred_at=self._clock.now(),
            data=data,
            envelope={ENVELOPE: {"chain": list(chain)}},
        )
        (receipt,) = await self._intake.accept_in(uow, [new])
        if receipt.fate in (Fate.STARTED, Fate.HELD, Fate.MERGED):
            return f'handed to "{target.name}" as the event {receipt.event_id}', (receipt,)
        return f'"{target.name}" did not take it: {receipt.fate.value}, {receipt.reason}', ()

    async def _data(
        self, uow: UnitOfWork, letter: DeadLetter, execution: Execution, *, event: Event | None
    ) -> JsonObject:
        workflow = await uow.workflows.get(letter.project_id, execution.workflow_id)
        version = await uow.workflows.version(execution.version_id)
        return {
            "execution": {
                "id": execution.id,
                "created_at": execution.created_at.isoformat(),
                "failed_at": letter.created_at.isoformat(),
                "url": f"{self._public_url}/api/v1/executions/{execution.id}",
            },
            "workflow": {"id": workflow.id, "name": workflow.name, "version": version.number},
            "trigger": {"key": execution.trigger_key, "data": None if event is None else event.data},
            "error": execution.error,
            "step": letter.step,
            "dead_letter_id": letter.id,
        }


def _chain(execution: Execution, event: Event | None) -> list[WorkflowId]:
    """The workflows whose failures led here, the failed one included."""
    before = {} if event is None else event.envelope.get(ENVELOPE, {})
    return [*before.get("chain", ()), execution.workflow_id]
