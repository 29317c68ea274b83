"""People's answers: each counts once, and the one that makes them enough lets the execution go on.

While a question is open its row stands among the waits; whoever closes it, by the deciding answer or because the time
is up, holds the execution's row, so that nobody is told that an answer counts which came too late.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.admission import by_lane
from engine.announcer import Announces
from engine.errors import Conflict, InvalidRequest, NotFound
from engine.model.approval import Answer, Approval, Decision, Question, read_question, verdict
from engine.model.arrival import Arrival, Awaited
from engine.model.base import ExecutionId, Json, ProjectId
from engine.model.execution import StepStatus
from engine.patience import until_available
from engine.ports import Clock, Database, UnitOfWork
from engine.repositories.children import AskedQuestion, OpenWait
from engine.value_schemas import ValueSchema

LONGEST_COMMENT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says: the decision, and with an approval the form's data."""

    decision: Decision
    comment: str = ""
    data: Json = None
    by: str


class TooLate(Conflict):
    """Nobody waits for this answer: it was given before, the question is decided, or its time is up."""


class Approvals:
    """Puts questions and takes answers."""

    def __init__(
        self,
        *,
        database: Database,
        announcements: Announces,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._announcements = announcements
        self._clock = clock
        self._sleep = sleep

    async def ask(self, project: ProjectId, execution_id: ExecutionId, path: str, question: Question) -> None:
        """Let people answer; asking again changes nothing."""
        wait = OpenWait(
            execution_id=execution_id,
            path=path,
            subject=question.id,
            kind=Awaited.APPROVAL,
            opened_at=self._clock.now(),
            details=question.as_json(),
        )

        async def put() -> None:
            async with self._database.write() as uow:
                await uow.children.open(project, [wait])
                await uow.commit()

        await until_available(put, what="ask for an approval", sleep=self._sleep)

    async def answers(self, execution_id: ExecutionId, path: str) -> tuple[Question | None, Sequence[Answer]]:
        """What was asked, while it is open, and what has been answered."""

        async def look() -> tuple[Question | None, Sequence[Answer]]:
            async with self._database.read() as uow:
                return await _state(uow, execution_id, path)

        return await until_available(look, what="look for answers", sleep=self._sleep)

    async def close(self, execution_id: ExecutionId, path: str) -> tuple[Question | None, Sequence[Answer]]:
        """The same, and let nobody answer any more."""

        async def shut() -> tuple[Question | None, Sequence[Answer]]:
            async with self._database.write() as uow:
                await uow.arrivals.standing(execution_id, path)
                found = await _state(uow, execution_id, path)
                await uow.children.close(execution_id, path)
                await uow.commit()
            return found

        return await until_available(shut, what="close an approval", sleep=self._sleep)

    async def find(self, execution_id: ExecutionId, path: str) -> Approval | None:
        """An open approval by the step that asks; ``None``: it has not begun, or is closed."""
        async with self._database.read() as uow:
            found = await uow.children.questions(limit=1, execution_id=execution_id, path=path)
            return await _shown(uow, found[0]) if found else None

    async def get(self, project: ProjectId, approval_id: str) -> Approval:
        """Raises NotFound: there is no open approval of that id."""
        async with self._database.read() as uow:
            found = await uow.children.questions(limit=1, project=project, id=approval_id)
            if not found:
                raise NotFound(f'there is no open approval "{approval_id}"')
            return await _shown(uow, found[0])

    async def list(
        self, project: ProjectId, *, limit: int, after: str | None = None, assignee: str | None = None
    ) -> Sequence[Approval]:
        """Open approvals, oldest first; of one assignee those that he has not answered."""
        async with self._database.read() as uow:
            found = await uow.children.questions(limit=limit, project=project, after=after, assignee=assignee)
            return [await _shown(uow, each) for each in found]

    async def decide(self, execution_id: ExecutionId, path: str, assignee: str, said: Said) -> Decision | None:
        """Take an assignee's answer; return what all answers come to, ``None`` if that is still open.

        Raises:
            NotFound: Nobody asks this assignee anything there.
            InvalidRequest: The data do not satisfy the form; nothing was stored.
            TooLate: The answer was given before, or nobody waits for it any more.
        """
        async with self._database.write() as uow:
            standing = await uow.arrivals.standing(execution_id, path)
            question, before = await _state(uow, execution_id, path)
            now = self._clock.now()
            if any(answer.assignee == assignee for answer in before):
                raise TooLate("this answer was given before; nothing changed")
            over = standing is None or standing.status.is_final or standing.step not in (None, StepStatus.WAITING)
            if standing is None or question is None or over or (question.due_at is not None and now >= question.due_at):
                raise TooLate("nobody waits for this answer any more")
            if assignee not in question.assignees:
                raise NotFound(f'"{assignee}" is not asked here')
            answer = _answer(question, assignee, said, now)
            arrival = Arrival(
                execution_id=execution_id,
                path=path,
                subject=assignee,
                kind=Awaited.APPROVAL,
                payload=answer.as_json(),
                arrived_at=now,
                by=said.by,
            )
            await uow.arrivals.add(standing.project_id, [arrival])
            reached = verdict(question, [*before, answer])
            woken = []
            if reached is not None:
                await uow.children.close(execution_id, path)
                woken = list(await uow.arrivals.wake(await uow.arrivals.ready(limit=1, ids=[execution_id]), now=now))
            await uow.commit()
        self._announcements.announce(by_lane(woken))
        return reached


def _answer(question: Question, assignee: str, said: Said, now: datetime) -> Answer:
    data = said.data if said.decision is Decision.APPROVED else None
    if said.decision is Decision.APPROVED and question.form is not None:
        problem = ValueSchema(question.form).problem(data, "data")
        if problem is not None:
            raise InvalidRequest(f"the form is not filled in as it should be: {problem}")
    return Answer(
        assignee=assignee, decision=said.decision, comment=said.comment[:LONGEST_COMMENT], data=data, by=said.by, at=now
    )


async def _state(uow: UnitOfWork, execution_id: ExecutionId, path: str) -> tuple[Question | None, Sequence[Answer]]:
    found = await uow.children.questions(limit=1, execution_id=execution_id, path=path)
    question = read_question(found[0].wait.subject, found[0].wait.details or {}) if found else None
    return question, await _answers(uow, execution_id, path)


async def _answers(uow: UnitOfWork, execution_id: ExecutionId, path: str) -> list[Answer]:
    arrived = await uow.arrivals.of(execution_id, path)
    return [_read(each) for each in arrived if each.kind is Awaited.APPROVAL]


def _read(arrival: Arrival) -> Answer:
    said = arrival.payload
    return Answer(
        assignee=said["assignee"],
        decision=Decision(said["decision"]),
        comment=said["comment"],
        data=said["data"],
        by=said["by"],
        at=arrival.arrived_at,
    )


async def _shown(uow: UnitOfWork, found: AskedQuestion) -> Approval:
    wait = found.wait
    return Approval(
        execution_id=wait.execution_id,
        workflow_id=found.workflow_id,
        path=wait.path,
        opened_at=wait.opened_at,
        question=read_question(wait.subject, wait.details or {}),
        answers=await _answers(uow, wait.execution_id, wait.path),
    )
