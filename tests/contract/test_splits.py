"""Splits of events between two versions, on both databases."""

from collections.abc import AsyncIterator

import pytest

from db.session import SqlDatabase
from engine.audit import Act
from engine.errors import Conflict, InvalidRequest, NotFound
from engine.model.base import DEFAULT_PROJECT, VersionId
from engine.model.execution import Status
from engine.splitting import Splitting
from tests.hall import Hall, definition, open_hall

pytestmark = pytest.mark.contract

ACT = Act(DEFAULT_PROJECT, "test")


@pytest.fixture
async def hall(database: SqlDatabase) -> AsyncIterator[Hall]:
    async with open_hall(database, "timeout: 1h") as opened:
        yield opened


def splitting(hall: Hall) -> Splitting:
    parts = hall.parts
    return Splitting(database=hall.database, broker=parts.broker, publishing=parts.publishing, clock=hall.clock)


async def save(hall: Hall, settings: str, *, text: str | None = None) -> VersionId:
    saved = await hall.parts.publishing.save(
        DEFAULT_PROJECT, hall.workflow.id, text or definition(settings), actor="test"
    )
    return saved.version.id


async def test_about_so_many_events_run_the_other_version_and_each_key_always_the_same(hall: Hall) -> None:
    other = await save(hall, "timeout: 2h")
    await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=30)

    sent = [await hall.send(n, key=f"key-{n}") for n in range(200)]

    ran = [(await hall.shown(receipt.execution_id)).version_id for receipt in sent]
    assert 40 <= ran.count(other) <= 80
    async with hall.database.read() as uow:
        split = await uow.splits.find(hall.workflow.id)
    assert split is not None
    assert [split.takes(f"key-{n}") for n in range(200)] == [version == other for version in ran]


async def test_both_outcomes_are_counted_from_when_the_split_began(hall: Hall) -> None:
    before = (await hall.send(0)).execution_id
    assert before is not None
    await hall.finish(before, Status.FAILED)
    other = await save(hall, "timeout: 2h")
    hall.clock.advance(1)
    await splitting(hall).put(ACT, hall.workflow.id, which="latest", percent=50)
    for n in range(60):
        execution_id = (await hall.send(n)).execution_id
        assert execution_id is not None
        claimed = await hall.run(execution_id)
        mine = claimed.version_id == other
        hall.clock.advance(10 if mine else 2)
        await hall.record(claimed, Status.FAILED if mine and n % 2 else Status.SUCCEEDED)
        if n == 0:
            await hall.control.rerun(DEFAULT_PROJECT, execution_id, actor="test")

    found = await splitting(hall).compare(ACT, hall.workflow.id)

    base, challenger = found.outcomes[found.base.id], found.outcomes[found.challenger.id]
    assert sum(base.by_status.values()) + sum(challenger.by_status.values()) == 60
    assert base.failure_rate == 0
    assert [base.p50_seconds, base.p95_seconds] == pytest.approx([2, 2])
    assert challenger.failure_rate is not None
    assert 0 < challenger.failure_rate < 1
    assert [challenger.p50_seconds, challenger.p95_seconds] == pytest.approx([10, 10])


async def test_percentiles_are_those_of_the_nearest_rank(hall: Hall) -> None:
    await save(hall, "timeout: 2h")
    await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=99)
    took = []
    for n in range(40):
        execution_id = (await hall.send(n)).execution_id
        assert execution_id is not None
        claimed = await hall.run(execution_id)
        hall.clock.advance(n + 1)
        await hall.record(claimed, Status.SUCCEEDED)
        if claimed.version_id != hall.workflow.published:
            took.append(n + 1)

    found = await splitting(hall).compare(ACT, hall.workflow.id)

    outcome = found.outcomes[found.challenger.id]
    assert outcome.p50_seconds == pytest.approx(took[-(-len(took) * 50 // 100) - 1])
    assert outcome.p95_seconds == pytest.approx(took[-(-len(took) * 95 // 100) - 1])


async def test_a_version_that_has_run_nothing_has_no_figures(hall: Hall) -> None:
    await save(hall, "timeout: 2h")

    found = await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=1)

    assert [one.failure_rate for one in found.outcomes.values()] == [None, None]
    assert [one.p95_seconds for one in found.outcomes.values()] == [None, None]


async def test_publishing_any_version_ends_the_split(hall: Hall) -> None:
    other = await save(hall, "timeout: 2h")
    await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=50)

    await hall.parts.publishing.publish(DEFAULT_PROJECT, hall.workflow.id, actor="test", which="2")
    sent = [await hall.send(n) for n in range(20)]

    assert {(await hall.shown(receipt.execution_id)).version_id for receipt in sent} == {other}
    with pytest.raises(NotFound, match="are not split"):
        await splitting(hall).compare(ACT, hall.workflow.id)


async def test_a_split_that_is_ended_sends_all_to_the_published_version(hall: Hall) -> None:
    await save(hall, "timeout: 2h")
    await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=99)
    await splitting(hall).end(ACT, hall.workflow.id)

    sent = [await hall.send(n) for n in range(20)]

    assert {(await hall.shown(r.execution_id)).version_id for r in sent} == {hall.workflow.published}


async def test_held_events_are_split_when_they_are_released(hall: Hall) -> None:
    other = await save(hall, "timeout: 2h")
    await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=50)
    await hall.parts.publishing.pause(DEFAULT_PROJECT, hall.workflow.id, actor="test")
    sent = [await hall.send(n, key=f"key-{n}") for n in range(40)]
    await hall.parts.publishing.resume(DEFAULT_PROJECT, hall.workflow.id, actor="test")

    await hall.releaser.tick()

    ran = [(await hall.shown((await hall.event(receipt)).execution_id)).version_id for receipt in sent]
    assert 8 <= ran.count(other) <= 32


async def test_each_version_limits_its_own_executions_by_its_own_rules(hall: Hall) -> None:
    other = await save(hall, "concurrency: {limit: 1}")
    await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=50)

    for n in range(30):
        await hall.send(n)
    await hall.settle()

    ready = [(await hall.shown(execution_id)).version_id for execution_id in await hall.ready()]
    assert ready.count(other) == 1
    assert len(ready) > 5


async def test_only_versions_with_the_same_triggers_share_events(hall: Hall) -> None:
    text = definition("timeout: 2h").replace("hook:", "hooked:")
    await save(hall, "", text=text)

    with pytest.raises(InvalidRequest, match='version 2 lacks the webhook trigger "hook"'):
        await splitting(hall).put(ACT, hall.workflow.id, which="2", percent=50)
    with pytest.raises(Conflict, match="version 1 is the published one"):
        await splitting(hall).put(ACT, hall.workflow.id, which="1", percent=50)
    with pytest.raises(NotFound):
        await splitting(hall).end(ACT, hall.workflow.id)
