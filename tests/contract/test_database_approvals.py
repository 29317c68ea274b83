"""What every database must do about approvals: each answer counts once, and the deciding one wakes the execution."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.approvals import Approvals, Said, TooLate
from engine.errors import InvalidRequest, NotFound
from engine.model.approval import Decision, Question
from engine.model.base import ExecutionId, new_id
from engine.model.execution import Status, StepStatus
from tests.contract.database_kits import LATER, PROJECT, Sample, claim, record, save, status_of, step
from tests.fakes import FakeClock, RecordingAnnouncements

pytestmark = pytest.mark.contract

DUE = LATER + timedelta(hours=1)
YES = Said(decision=Decision.APPROVED, by="me")
NO = Said(decision=Decision.REJECTED, by="me")


def approvals(database: SqlDatabase, clock: FakeClock | None = None) -> Approvals:
    return Approvals(database=database, announcements=RecordingAnnouncements(), clock=clock or FakeClock(LATER))


async def asked(database: SqlDatabase, sample: Sample, *people: str, **changes: object) -> ExecutionId:
    """An execution that waits for these people."""
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])
    question = Question(
        id=new_id(), node="ask", title="?", message="", assignees=people, needed=len(people), due_at=DUE
    )
    await approvals(database).ask(PROJECT, id, "ask", replace(question, **changes))  # type: ignore[arg-type]
    waits = step("ask", status=StepStatus.WAITING, wait_reason="approval", due_at=DUE, finished_at=None, ports=())
    await save(database, [record(claimed, Status.WAITING, steps=(waits,), due_at=DUE, wait_reason="approval")])
    return id


async def test_only_the_deciding_answer_wakes_the_execution(database: SqlDatabase, sample: Sample) -> None:
    id = await asked(database, sample, "ann", "bob")

    assert await approvals(database).decide(id, "ask", "ann", YES) is None
    assert await status_of(database, id) is Status.WAITING
    assert await approvals(database).decide(id, "ask", "bob", YES) is Decision.APPROVED

    assert await status_of(database, id) is Status.QUEUED
    [claimed] = await claim(database, [id])
    assert {arrival.subject for arrival in claimed.arrivals["ask"]} == {"ann", "bob"}


async def test_of_all_answers_at_once_exactly_those_that_decide_count(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    people = [f"p{n}" for n in range(6)]
    id = await asked(databases[0], sample, *people, needed=2, rejected_by_first=False)

    async def decide(number: int) -> Decision | type[TooLate] | None:
        try:
            return await approvals(databases[number % 2]).decide(id, "ask", people[number % 6], YES)
        except TooLate:
            return TooLate

    told = await asyncio.gather(*(decide(number) for number in range(12)))

    assert told.count(Decision.APPROVED) == 1
    assert told.count(None) == 1
    assert told.count(TooLate) == 10
    assert await status_of(databases[0], id) is Status.QUEUED


async def test_an_answer_is_refused_from_strangers_twice_and_too_late(database: SqlDatabase, sample: Sample) -> None:
    id = await asked(database, sample, "ann", "bob", form={"required": ["n"]})

    with pytest.raises(NotFound):
        await approvals(database).decide(id, "ask", "eve", YES)
    with pytest.raises(InvalidRequest, match='"n"'):
        await approvals(database).decide(id, "ask", "ann", replace(YES, data={}))
    await approvals(database).decide(id, "ask", "ann", replace(YES, data={"n": 1}))
    with pytest.raises(TooLate, match="given before"):
        await approvals(database).decide(id, "ask", "ann", NO)
    with pytest.raises(TooLate, match="nobody waits"):
        await approvals(database, FakeClock(DUE)).decide(id, "ask", "bob", NO)
    with pytest.raises(TooLate):
        await approvals(database).decide(ExecutionId(new_id()), "ask", "ann", YES)


async def test_what_is_closed_takes_no_answer_and_what_was_asked_twice_is_one(
    database: SqlDatabase, sample: Sample
) -> None:
    id = await asked(database, sample, "ann")
    [one] = await approvals(database).list(PROJECT, limit=10)
    await approvals(database).ask(PROJECT, id, "ask", one.question)
    assert len(await approvals(database).list(PROJECT, limit=10)) == 1

    question, answers = await approvals(database).close(id, "ask")

    assert (question, list(answers)) == (one.question, [])
    assert await approvals(database).list(PROJECT, limit=10) == []
    with pytest.raises(TooLate):
        await approvals(database).decide(id, "ask", "ann", YES)


async def test_open_approvals_are_listed_in_their_order_by_pages_and_by_assignee(
    database: SqlDatabase, sample: Sample
) -> None:
    ids = [await asked(database, sample, "ann", "bob") for _ in range(3)]
    await approvals(database).decide(ids[0], "ask", "ann", YES)
    await approvals(database).decide(ids[1], "ask", "bob", NO)
    service = approvals(database)

    first = await service.list(PROJECT, limit=1)
    rest = await service.list(PROJECT, limit=5, after=first[0].question.id)
    of_ann = await service.list(PROJECT, limit=5, assignee="ann")

    assert {first[0].execution_id, *(each.execution_id for each in rest)} == {ids[0], ids[2]}
    assert [each.execution_id for each in of_ann] == [ids[2]]
    assert await service.list(PROJECT, limit=5, assignee="an") == []
    assert (await service.get(PROJECT, first[0].question.id)).question == first[0].question
    with pytest.raises(NotFound):
        await service.get(PROJECT, new_id())
