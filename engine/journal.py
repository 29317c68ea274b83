"""What one execution did since its last commit, and the commits themselves."""

from datetime import datetime
from typing import Protocol

from engine.fingerprint import fingerprint
from engine.model.base import ExecutorId, Json, new_id
from engine.model.debugging import BREAKPOINT
from engine.model.execution import Claimed, DeadLetter, ExecutionRecord, Failure, Response, Status, StepRecord
from engine.model.result import Result


class Records(Protocol):
    """Where commits go; see ``engine.recorder``."""

    async def record(self, record: ExecutionRecord, *, reply_to: str | None = None) -> bool:
        """Store it; false if it did not count, because somebody else owns the execution."""


class OwnershipLost(Exception):
    """Somebody else owns the execution now, or it was cancelled; nothing more of ours counts."""


class Journal:
    """Collects the records of one owned execution."""

    def __init__(self, claimed: Claimed, *, owner: ExecutorId, recorder: Records) -> None:
        self._claimed = claimed
        self._owner = owner
        self._recorder = recorder
        self._steps: dict[tuple[str, int], StepRecord] = {}
        self._results: list[Result] = []
        self._response: Response | None = None
        self._answered = False
        self._urgent = False
        self._deadline_at: datetime | None = None

    def add(self, record: StepRecord, *, urgent: bool, response: Response | None = None) -> None:
        """Keep a record for the next commit; of two for the same attempt only the later one counts.

        ``urgent``: repeating the step after a crash would not be free (an effect) or not be the same (a wait).
        """
        key = (record.path, record.attempt)
        self._steps.pop(key, None)
        self._steps[key] = record
        self._urgent = self._urgent or urgent
        if response is not None and not self._answered:
            self._response, self._answered = response, True

    @property
    def size(self) -> int:
        """How many records wait for the next commit."""
        return len(self._steps)

    def extend(self, deadline_at: datetime) -> None:
        """Put off the end of the execution's time, from the next commit on, which must come before the next effect."""
        self._deadline_at = deadline_at
        self._urgent = True

    def keep(self, result: Result) -> None:
        """Keep a result for other executions, from the next commit on."""
        self._results.append(result)

    @property
    def is_urgent(self) -> bool:
        """Whether a commit must come before the next effect or a longer wait; a caller may wait for a response."""
        return self._urgent or self._response is not None

    async def checkpoint(self) -> None:
        """Commit what there is; the execution goes on. Raises OwnershipLost."""
        await self._commit(Status.RUNNING)

    async def suspend(self, due_at: datetime, reason: str) -> None:
        """Commit and hand the execution back until ``due_at``. Raises OwnershipLost."""
        await self._commit(Status.WAITING, due_at=due_at, wait_reason=reason)

    async def pause(self, due_at: datetime | None, reason: str | None) -> None:
        """Commit and hand the execution back to whom asked to pause it; ``reason`` only if nothing but time is awaited.

        Raises OwnershipLost.
        """
        await self._commit(Status.PAUSED, due_at=due_at, wait_reason=reason)

    async def stand(self) -> None:
        """Commit and hand the execution back at a breakpoint. Raises OwnershipLost."""
        await self._commit(Status.PAUSED, wait_reason=BREAKPOINT)

    async def succeed(self, output: Json, now: datetime) -> None:
        """Commit the end. Raises OwnershipLost."""
        await self._commit(Status.SUCCEEDED, output=output, finished_at=now)

    async def fail(self, error: Failure, dead_letter: DeadLetter, now: datetime) -> None:
        """Commit the failure with its dead letter. Raises OwnershipLost."""
        await self._commit(Status.FAILED, error=error, dead_letter=dead_letter, finished_at=now)

    async def _commit(
        self,
        status: Status,
        *,
        due_at: datetime | None = None,
        wait_reason: str | None = None,
        finished_at: datetime | None = None,
        output: Json = None,
        error: Failure | None = None,
        dead_letter: DeadLetter | None = None,
    ) -> None:
        record = ExecutionRecord(
            id=self._claimed.id,
            owner=self._owner,
            epoch=self._claimed.epoch,
            status=status,
            steps=tuple(self._steps.values()),
            due_at=due_at,
            wait_reason=wait_reason,
            finished_at=finished_at,
            output=output,
            error=error,
            response=self._response,
            dead_letter=dead_letter,
            results=tuple(self._results),
            deadline_at=self._deadline_at,
        )
        self._steps, self._results, self._response, self._urgent = {}, [], None, False
        self._deadline_at = None
        if not await self._recorder.record(record, reply_to=self._claimed.reply_to):
            raise OwnershipLost(self._claimed.id)


def dead_letter(claimed: Claimed, failure: Failure, now: datetime, *, notify: str | None = "") -> DeadLetter:
    """What a person finds when an execution failed for good. A part's failure is told by its whole."""
    return DeadLetter(
        id=new_id(),
        project_id=claimed.project_id,
        workflow_id=claimed.workflow_id,
        execution_id=claimed.id,
        step=failure.step,
        code=failure.code,
        message=failure.message,
        fingerprint=fingerprint(failure.step, failure.code, failure.message),
        created_at=now,
        notify=None if claimed.entry is not None else notify,
    )
