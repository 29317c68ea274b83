"""What every database must do when people look at executions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.errors import InvalidRequest
from engine.model.base import EventId, ExecutionId, new_id
from engine.model.execution import Failure, Status
from engine.repositories import ExecutionFilter, Page
from tests.contract.database_kits import (
    LATER,
    OTHER_PROJECT,
    PROJECT,
    Sample,
    claim,
    record,
    save,
)
from tests.fakes import START

pytestmark = pytest.mark.contract


async def listed(database: SqlDatabase, where: ExecutionFilter, page: Page | None = None) -> list[ExecutionId]:
    async with database.read() as work:
        found = await work.executions.list(PROJECT, where, page or Page())
    return [execution.id for execution in found]


async def test_an_execution_is_seen_in_its_project_only(database: SqlDatabase, sample: Sample) -> None:
    [id] = await sample.start(database)

    async with database.read() as work:
        mine = await work.executions.find(PROJECT, id)
        elsewhere = await work.executions.find(OTHER_PROJECT, id)
        anyhow = await work.executions.outcome(id)
        unknown = [await work.executions.find(PROJECT, ExecutionId(other)) for other in (new_id(), "x")]

    assert mine is not None
    assert mine.id == id
    assert anyhow == mine
    assert (elsewhere, unknown) == (None, [None, None])


async def test_steps_of_an_unknown_execution_are_none(database: SqlDatabase) -> None:
    async with database.read() as work:
        found = [list(await work.executions.steps(ExecutionId(id))) for id in (new_id(), "x")]

    assert found == [[], []]


async def test_executions_are_listed_in_pages_newest_first(database: SqlDatabase, sample: Sample) -> None:
    ids = await sample.start(database, 5)

    first = await listed(database, ExecutionFilter(), Page(limit=3))
    rest = await listed(database, ExecutionFilter(), Page(limit=3, after=first[-1]))

    assert [*first, *rest] == sorted(ids, reverse=True)
    with pytest.raises(InvalidRequest):
        await listed(database, ExecutionFilter(), Page(after="'"))


async def test_executions_are_filtered(database: SqlDatabase, sample: Sample) -> None:
    other = Sample()
    [queued, started] = await sample.start(database, 2)
    [foreign] = await other.start(database, created_at=LATER)
    await claim(database, [started])
    cases = [
        (ExecutionFilter(workflow_id=sample.workflow_id), {queued, started}),
        (ExecutionFilter(trigger_id=other.trigger_id), {foreign}),
        (ExecutionFilter(statuses=frozenset({Status.RUNNING})), {started}),
        (ExecutionFilter(statuses=frozenset({Status.RUNNING, Status.QUEUED})), {queued, started, foreign}),
        (ExecutionFilter(since=LATER), {foreign}),
        (ExecutionFilter(until=LATER), {queued, started}),
        (ExecutionFilter(since=START, until=START + timedelta(seconds=1)), {queued, started}),
    ]

    for where, expected in cases:
        assert set(await listed(database, where)) == expected, where


async def test_all_executions_of_an_event_are_found(database: SqlDatabase, sample: Sample) -> None:
    event, bystander = sample.event(), sample.event()
    first = sample.execution(event)
    reruns = [replace(first, id=ExecutionId(new_id()), rerun_of=first.id) for _ in range(2)]
    async with database.write() as work:
        await work.events.insert([event, bystander])
        await work.executions.insert([first, *reruns, sample.execution(bystander)])
        await work.commit()

    assert set(await listed(database, ExecutionFilter(event_id=event.id))) == {first.id, *(each.id for each in reruns)}
    assert await listed(database, ExecutionFilter(event_id=EventId(new_id()))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ada", True), ("ada lovelace", True), ("É", True), ('say "hi"', True), ("C:\\dir", True), ("100%", True),
        ("no such channel", True), ("a_a", False), ("lovelace ada", False), ("0%0", False),
    ],
)  # fmt: skip
async def test_a_text_is_searched_in_result_and_error(
    database: SqlDatabase, sample: Sample, text: str, found: bool
) -> None:
    output = {"name": "Ada Lovelace", "words": 'É, say "hi"', "path": "C:\\dir", "share": "100%"}
    error = Failure(code="remote_rejected", message="no such channel")
    [claimed, _] = await claim(database, await sample.start(database, 2))
    await save(database, [record(claimed, Status.FAILED, output=output, error=error)])

    assert await listed(database, ExecutionFilter(text=text)) == ([claimed.id] if found else [])
