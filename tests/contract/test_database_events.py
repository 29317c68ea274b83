"""What every database must do with events: store each once, keep what was sent, and give held ones out once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from db.session import SqlDatabase
from engine.errors import InvalidRequest
from engine.model.base import DEFAULT_PROJECT, EventId, ExecutionId, WorkflowId, new_id
from engine.model.event import Event, Fate
from engine.model.workflow import WorkflowStatus
from engine.repositories import EventFilter, Page
from tests.contract.database_kits import LATER, OTHER_PROJECT, PROJECT, Sample
from tests.fakes import START

pytestmark = pytest.mark.contract


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def insert(database: SqlDatabase, events: Sequence[Event]) -> set[EventId]:
    async with database.write() as work:
        stored = await work.events.insert(events)
        await work.commit()
    return stored


async def find(database: SqlDatabase, event_id: str) -> Event | None:
    async with database.read() as work:
        return await work.events.find(PROJECT, EventId(event_id))


async def test_an_event_comes_back_as_it_was_stored(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event(
        dedupe_key="evt_1",
        occurred_at=datetime(2026, 3, 29, 2, 30, 15, 123456, tzinfo=timezone(timedelta(hours=2))),
        fate=Fate.FILTERED,
        reason="the filter said no",
        execution_id=None,
        first_event_id=EventId(new_id()),
    )

    await insert(database, [event])

    stored = await find(database, event.id)
    assert stored == event
    assert stored.occurred_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "data",
    [
        None, {}, [], "", 0, False, "a\0b", "\U0001f600 é \u2028", 2**70, -(2**63), 1.5e300, "x" * 200_000,
        {"nested": {"\0": [None, {"": ["\\", '"', "\n"]}]}},
    ],
    ids=lambda data: repr(data)[:20],
)  # fmt: skip
async def test_any_json_survives_storage(database: SqlDatabase, sample: Sample, data: Any) -> None:
    event = sample.event(data=data, envelope={})

    await insert(database, [event])

    stored = await find(database, event.id)
    assert stored is not None
    assert (stored.data, type(stored.data), stored.envelope) == (data, type(data), {})


async def test_deeply_nested_json_survives_storage(database: SqlDatabase, sample: Sample) -> None:
    data: Any = "the middle"
    for _ in range(400):
        data = [data]
    event = sample.event(data=data)

    await insert(database, [event])

    stored = await find(database, event.id)
    assert stored is not None
    assert stored.data == data


async def test_texts_that_no_database_holds_are_repaired(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event(dedupe_key="a\0b\ud800", reason="\0", data={"lone": "\udfff"})

    first = await insert(database, [event])
    again = await insert(database, [sample.event(dedupe_key="a\0b\ud800")])
    async with database.read() as work:
        found = await work.events.firsts([(sample.trigger_id, "a\0b\ud800")])

    assert (first, again) == ({event.id}, set())
    stored = found[sample.trigger_id, "a\0b\ud800"]
    assert (stored.dedupe_key, stored.reason, stored.data) == ("a\ufffdb\ufffd", "\ufffd", {"lone": "\ufffd"})


async def test_a_time_without_a_zone_is_refused(database: SqlDatabase, sample: Sample) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point

    with pytest.raises(ValueError, match="has no zone"):
        await insert(database, [sample.event(), sample.event(occurred_at=naive)])

    async with database.read() as work:
        assert await work.events.list(PROJECT, EventFilter(), Page()) == []


async def test_a_dedupe_key_is_stored_once_per_trigger(database: SqlDatabase, sample: Sample) -> None:
    first = sample.event(dedupe_key="evt_1")
    await insert(database, [first])
    other = Sample().event(dedupe_key="evt_1")
    keyless = [sample.event(), sample.event()]

    stored = await insert(
        database, [sample.event(dedupe_key="evt_1"), other, sample.event(dedupe_key="evt_2"), *keyless]
    )

    assert first.id not in stored
    assert {other.id, *(each.id for each in keyless)} < stored
    assert len(stored) == 4


async def test_a_key_twice_in_one_batch_is_stored_once(database: SqlDatabase, sample: Sample) -> None:
    events = [sample.event(dedupe_key="evt_1") for _ in range(3)]

    stored = await insert(database, events)

    assert len(stored) == 1
    assert stored < {event.id for event in events}


async def test_storing_the_same_events_again_stores_none(database: SqlDatabase, sample: Sample) -> None:
    events = [sample.event(), sample.event(dedupe_key="evt_1")]
    await insert(database, events)

    assert await insert(database, events) == set()


async def test_two_at_once_store_a_key_once(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    keys = [f"evt_{number}" for number in range(20)]

    async def everything(database: SqlDatabase) -> set[EventId]:
        return await insert(database, [sample.event(dedupe_key=key) for key in keys])

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(everything(databases[number % 2])) for number in range(6)]

    stored = [id for task in tasks for id in task.result()]
    async with databases[0].read() as work:
        firsts = await work.events.firsts([(sample.trigger_id, key) for key in keys])
    assert len(stored) == len(keys)
    assert {event.id for event in firsts.values()} == set(stored)


async def test_two_at_once_with_the_same_keys_in_another_order_do_not_block_each_other(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    keys = [f"evt_{number}" for number in range(200)]

    async def everything(database: SqlDatabase, ordered: Sequence[str]) -> set[EventId]:
        return await insert(database, [sample.event(dedupe_key=key) for key in ordered])

    for turn in range(5):
        turned = [f"{key}-{turn}" for key in keys]
        stored = await asyncio.gather(
            everything(databases[0], turned), everything(databases[1], turned[::-1]), everything(databases[0], turned)
        )
        assert sum(len(ids) for ids in stored) == len(keys)


async def test_the_loser_sees_the_first_event_in_its_own_transaction(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    first = sample.event(dedupe_key="evt_1")
    begun = asyncio.Event()

    async def winner() -> None:
        async with databases[0].write() as work:
            await work.events.insert([first])
            begun.set()
            await asyncio.sleep(0.05)
            await work.commit()

    async def loser() -> Event:
        await begun.wait()
        async with databases[1].write() as work:
            assert await work.events.insert([sample.event(dedupe_key="evt_1")]) == set()
            return (await work.events.firsts([(sample.trigger_id, "evt_1")]))[sample.trigger_id, "evt_1"]

    async with asyncio.TaskGroup() as group:
        group.create_task(winner())
        seen = group.create_task(loser())

    assert seen.result() == first


async def test_firsts_are_exact_pairs(database: SqlDatabase, sample: Sample) -> None:
    other = Sample()
    mine, hers = sample.event(dedupe_key="a"), other.event(dedupe_key="b")
    await insert(database, [mine, hers, sample.event(dedupe_key="b")])

    async with database.read() as work:
        found = await work.events.firsts(
            [(sample.trigger_id, "a"), (other.trigger_id, "b"), (other.trigger_id, "a"), (sample.trigger_id, "z")]
        )
        none = await work.events.firsts([])

    assert found == {(sample.trigger_id, "a"): mine, (other.trigger_id, "b"): hers}
    assert none == {}


async def test_unknown_ids_and_foreign_projects_find_nothing(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event()
    await insert(database, [event])

    async with database.read() as work:
        found = [
            await work.events.find(OTHER_PROJECT, event.id),
            await work.events.find(PROJECT, EventId(new_id())),
            await work.events.find(PROJECT, EventId("'; DROP TABLE events")),
        ]

    assert found == [None, None, None]


async def test_events_are_listed_in_pages_newest_first(database: SqlDatabase, sample: Sample) -> None:
    events = [sample.event() for _ in range(5)]
    await insert(database, events)
    expected = sorted((event.id for event in events), reverse=True)

    async with database.read() as work:
        first = await work.events.list(PROJECT, EventFilter(), Page(limit=2))
        second = await work.events.list(PROJECT, EventFilter(), Page(limit=2, after=first[-1].id))
        rest = await work.events.list(PROJECT, EventFilter(), Page(limit=2, after=second[-1].id))
        elsewhere = await work.events.list(OTHER_PROJECT, EventFilter(), Page())

    assert [event.id for event in (*first, *second, *rest)] == expected
    assert elsewhere == []


async def test_a_page_key_that_is_no_id_is_refused(database: SqlDatabase) -> None:
    async with database.read() as work:
        with pytest.raises(InvalidRequest, match='"last"'):
            await work.events.list(DEFAULT_PROJECT, EventFilter(), Page(after="last"))


async def test_events_are_filtered(database: SqlDatabase, sample: Sample) -> None:
    other = Sample()
    held = sample.event(fate=Fate.HELD, execution_id=None, accepted_at=LATER)
    started, foreign = sample.event(), other.event()
    await insert(database, [held, started, foreign])
    cases = [
        (EventFilter(workflow_id=sample.workflow_id), {held.id, started.id}),
        (EventFilter(trigger_id=other.trigger_id), {foreign.id}),
        (EventFilter(fate=Fate.HELD), {held.id}),
        (EventFilter(since=LATER), {held.id}),
        (EventFilter(until=LATER), {started.id, foreign.id}),
        (EventFilter(workflow_id=sample.workflow_id, fate=Fate.STARTED), {started.id}),
    ]

    async with database.read() as work:
        for where, expected in cases:
            assert {event.id for event in await work.events.list(PROJECT, where, Page())} == expected


async def test_a_filter_that_is_no_id_is_refused(database: SqlDatabase) -> None:
    with pytest.raises(InvalidRequest, match='"mine" is not an id'):
        async with database.read() as work:
            await work.events.list(PROJECT, EventFilter(workflow_id=WorkflowId("mine")), Page())


async def test_held_events_of_active_workflows_are_given_out_oldest_first(
    database: SqlDatabase, sample: Sample
) -> None:
    paused = Sample()
    await paused.install(database, status=WorkflowStatus.PAUSED)
    held = [sample.event(fate=Fate.HELD, execution_id=None) for _ in range(3)]
    await insert(database, [*held, paused.event(fate=Fate.HELD, execution_id=None), sample.event()])

    async with database.write() as work:
        every = await work.events.releasable(limit=10)
        two = await work.events.releasable(limit=2)

    assert every == sorted(held, key=lambda event: event.id)
    assert two == every[:2]


async def test_two_who_release_at_once_never_get_the_same_event(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    held = [sample.event(fate=Fate.HELD, execution_id=None) for _ in range(30)]
    await insert(databases[0], held)

    async def release(database: SqlDatabase) -> list[EventId]:
        async with database.write() as work:
            events = await work.events.releasable(limit=10)
            for event in events:
                settled = await work.events.settle(
                    event.id, fate=Fate.STARTED, reason="", execution_id=ExecutionId(new_id())
                )
                assert settled
            await work.commit()
        return [event.id for event in events]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(release(databases[number % 2])) for number in range(6)]

    released = [id for task in tasks for id in task.result()]
    assert len(released) == len(set(released))
    assert set(released) | set(await release(databases[0])) == {event.id for event in held}


async def test_a_fate_is_settled_once(database: SqlDatabase, sample: Sample) -> None:
    event, started = sample.event(fate=Fate.HELD, execution_id=None), sample.event()
    await insert(database, [event, started])
    execution_id = ExecutionId(new_id())

    async with database.write() as work:
        first = await work.events.settle(event.id, fate=Fate.STARTED, reason="resumed", execution_id=execution_id)
        second = await work.events.settle(event.id, fate=Fate.DEAD, reason="late", execution_id=None)
        third = await work.events.settle(started.id, fate=Fate.DEAD, reason="late", execution_id=None)
        await work.commit()

    assert (first, second, third) == (True, False, False)
    stored = await find(database, event.id)
    assert stored is not None
    assert (stored.fate, stored.reason, stored.execution_id) == (Fate.STARTED, "resumed", execution_id)
    assert stored.accepted_at == START


async def test_old_events_that_started_nothing_are_pruned_oldest_first(database: SqlDatabase, sample: Sample) -> None:
    fates = [Fate.FILTERED, Fate.REJECTED, Fate.DEAD, Fate.DUPLICATE, Fate.HELD, Fate.STARTED]
    old = [sample.event(fate=fate, accepted_at=START) for fate in fates]
    young = sample.event(fate=Fate.FILTERED, accepted_at=LATER)
    await insert(database, [*old, young])

    counts = []
    for _ in range(3):
        async with database.write() as work:
            expired = await work.events.expired(sample.workflow_id, before=LATER, limit=3)
            await work.events.delete(expired)
            counts.append(len(expired))
            await work.commit()

    assert counts == [3, 1, 0]
    left = [event.id for event in [*old, young] if await find(database, event.id) is not None]
    assert left == [old[4].id, old[5].id, young.id], "held and started ones stay, and what is young"
