"""What every database must do with large values: nobody sees that they are kept apart, and nothing of them stays."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.session import SqlDatabase
from engine.model.base import EventId, new_id
from engine.model.event import Event, Fate
from engine.model.execution import Execution, Response, Status
from engine.repositories import EventFilter, ExecutionFilter, Page
from engine.sweeper import BETWEEN_ROUNDS, BlobSweeper
from tests.contract.database_kits import LATER, PROJECT, Sample, claim, record, save, step

pytestmark = pytest.mark.contract

SIZE = 100_000


def large(letter: str = "x") -> dict[str, Any]:
    return {"text": letter * SIZE, "number": 1}


async def stored(database: SqlDatabase) -> tuple[int, int]:
    """How many contents and how many uses there are."""
    async with database.read() as work:
        [row] = await work.transaction.fetch("SELECT (SELECT count(*) FROM blobs), (SELECT count(*) FROM blob_uses)")
    return row[0], row[1]


async def sweep(database: SqlDatabase) -> None:
    sweeper = BlobSweeper(database, page=2, batch=1)
    while await sweeper.tick() != BETWEEN_ROUNDS:
        pass


async def insert(database: SqlDatabase, *events: Event) -> None:
    async with database.write() as work:
        await work.events.insert(events)
        await work.commit()


async def data_of(database: SqlDatabase, event_id: EventId) -> Any:
    async with database.read() as work:
        event = await work.events.find(PROJECT, event_id)
    assert event is not None
    return event.data


async def remove(database: SqlDatabase, *events: Event) -> None:
    async with database.write() as work:
        await work.events.delete([event.id for event in events])
        await work.commit()


def refused(sample: Sample, data: Any) -> Event:
    """One that may be deleted by itself."""
    return sample.event(data=data, fate=Fate.FILTERED, execution_id=None)


async def started(database: SqlDatabase, sample: Sample, data: Any) -> Event:
    event = sample.event(data=data)
    async with database.write() as work:
        await work.events.insert([event])
        await work.executions.insert([sample.execution(event)])
        await work.commit()
    return event


async def test_large_data_reach_the_executor_as_they_came(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    writer, reader = databases
    event = await started(writer, sample, large())
    assert event.execution_id is not None

    [claimed] = await claim(reader, [event.execution_id])

    assert claimed.data == large() == await data_of(writer, event.id)
    assert await stored(reader) == (1, 1)


async def test_small_values_are_not_kept_apart(database: SqlDatabase, sample: Sample) -> None:
    event = await started(database, sample, {"text": "x" * 60_000})
    assert event.execution_id is not None
    [claimed] = await claim(database, [event.execution_id])
    await save(database, [record(claimed, Status.SUCCEEDED, steps=(step(output=[1]),), output="@digest:5")])

    assert await stored(database) == (0, 0)
    async with database.read() as work:
        found = await work.executions.outcome(claimed.id)
    assert found is not None
    assert found.output == "@digest:5"


async def test_everything_an_execution_records_may_be_large(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    writer, reader = databases
    [claimed] = await claim(writer, await sample.start(writer))
    steps = (
        step("first", output=large("a"), assigned={"kept": large("b")}),
        step("second", seq=2, output=large("a")),
        step("third", seq=3, output={"small": 1}),
    )
    response = Response(status=201, body=large("c"))
    await save(writer, [record(claimed, Status.SUCCEEDED, steps=steps, output=large("d"), response=response)])

    async with reader.read() as work:
        found = await work.executions.find(PROJECT, claimed.id)
        read = await work.executions.steps(claimed.id)

    assert found is not None
    assert (found.output, found.response) == (large("d"), response)
    assert [each.output for each in read] == [large("a"), large("a"), {"small": 1}]
    assert read[0].assigned == {"kept": large("b")}
    assert await stored(reader) == (4, 4)


async def test_the_next_owner_gets_the_large_outputs_of_the_one_before(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    mine, hers = databases
    [claimed] = await claim(mine, await sample.start(mine))
    waiting = record(claimed, Status.WAITING, due_at=LATER, steps=(step(output=large()),))
    await save(mine, [waiting])
    async with mine.write() as work:
        await work.executions.wake(LATER, limit=10)
        await work.commit()

    [again] = await claim(hers, [claimed.id])

    assert [each.output for each in again.steps] == [large()]
    assert again.damage is None


async def test_the_same_content_is_stored_once(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    await insert(database, *(refused(sample, large()) for _ in range(3)))
    await save(database, [record(claimed, Status.SUCCEEDED, steps=(step(output=large()),), output=large())])

    assert await stored(database) == (1, 4)


async def test_lists_show_how_large_a_value_is_and_do_not_load_it(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    response = Response(status=200, body="ok")
    await save(database, [record(claimed, Status.SUCCEEDED, output=large(), response=response)])
    event = refused(sample, large("é"))
    await insert(database, event)

    async with database.read() as work:
        events = await work.events.list(PROJECT, EventFilter(fate=Fate.FILTERED), Page())
        executions = await work.executions.list(PROJECT, ExecutionFilter(), Page())

    assert [each.data for each in events] == [{"$large_value": {"bytes": SIZE * 2 + 22}}]
    assert [each.output for each in executions] == [{"$large_value": {"bytes": SIZE + 22}}]
    assert [each.response for each in executions] == [None]


@pytest.mark.parametrize(("text", "count"), [("xxx", 0), ("@", 0), (str(SIZE + 22), 0), ("needle", 1)])
async def test_a_text_is_not_sought_in_large_outputs_nor_in_references(
    database: SqlDatabase, sample: Sample, text: str, count: int
) -> None:
    hay, needle = await claim(database, await sample.start(database, 2))
    records = [record(hay, Status.SUCCEEDED, output=large()), record(needle, Status.SUCCEEDED, output=["a needle"])]
    await save(database, records)

    async with database.read() as work:
        found: Sequence[Execution] = await work.executions.list(PROJECT, ExecutionFilter(text=text), Page())

    assert len(found) == count


async def test_what_was_not_committed_leaves_no_content(database: SqlDatabase, sample: Sample) -> None:
    async with database.write() as work:
        await work.events.insert([sample.event(data=large())])
        await work.transaction.blobs.flush()

    assert await stored(database) == (0, 0)


async def test_a_repeated_event_keeps_its_own_large_data(database: SqlDatabase, sample: Sample) -> None:
    first = replace(refused(sample, large("a")), dedupe_key="k")
    again = replace(refused(sample, large("b")), dedupe_key="k")
    duplicate = replace(again, dedupe_key=None, fate=Fate.DUPLICATE, first_event_id=first.id)
    await insert(database, first)

    async with database.write() as work:
        assert await work.events.insert([again]) == set()
        await work.events.insert([duplicate])
        await work.commit()

    assert await data_of(database, again.id) == large("b")


async def test_what_nothing_uses_any_more_is_swept_and_the_rest_stays(database: SqlDatabase, sample: Sample) -> None:
    gone = [refused(sample, large(letter)) for letter in "abc"]
    staying = refused(sample, large("c"))
    await insert(database, *gone, staying)
    await remove(database, *gone)
    assert await stored(database) == (3, 4)

    await sweep(database)

    assert await stored(database) == (1, 1)
    assert await data_of(database, staying.id) == large("c")


async def test_a_deleted_execution_takes_the_large_values_of_its_steps_along(
    database: SqlDatabase, sample: Sample
) -> None:
    event = await started(database, sample, large("a"))
    assert event.execution_id is not None
    [claimed] = await claim(database, [event.execution_id])
    ended = record(claimed, Status.SUCCEEDED, steps=(step(output=large("b")),), output=large("c"))
    await save(database, [ended])
    await sweep(database)
    assert await stored(database) == (3, 3)

    async with database.write() as work:
        await work.executions.delete([claimed.id])
        await work.commit()
    await sweep(database)

    assert await stored(database) == (0, 0)


async def test_a_sweep_that_died_in_the_middle_is_finished_by_the_next(database: SqlDatabase, sample: Sample) -> None:
    events = [refused(sample, large(letter)) for letter in "abcd"]
    await insert(database, *events)
    await remove(database, *events)
    halfway = BlobSweeper(database, page=1, batch=1)
    for _ in range(6):
        await halfway.tick()
    async with database.write() as work:
        await work.blobs.delete([row[0] for row in await work.transaction.fetch("SELECT digest FROM blobs")])
    contents, uses = await stored(database)
    assert contents > 0 == uses

    await sweep(database)

    assert await stored(database) == (0, 0)


async def test_a_content_that_is_being_used_is_not_deleted(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    mine, hers = databases
    old, new = refused(sample, large()), refused(sample, large())
    await insert(mine, old)
    await remove(mine, old)

    async with mine.write() as work:
        await work.events.insert([new])
        await work.transaction.blobs.flush()
        sweeping = asyncio.create_task(sweep(hers))  # on SQLite it waits, on PostgreSQL it steps over the content
        await asyncio.wait([sweeping], timeout=0.05)
        await work.commit()
    await sweeping

    assert await data_of(hers, new.id) == large()
    await sweep(hers)
    assert await data_of(hers, new.id) == large()


async def test_a_content_that_was_used_again_since_it_was_found_is_not_deleted(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    mine, hers = databases
    old, new = refused(sample, large()), refused(sample, large())
    await insert(mine, old)
    await remove(mine, old)
    async with hers.write() as work:
        await work.blobs.forget([old.id])
        found = (await work.blobs.unused(None, limit=10)).found
        await work.commit()
    await insert(mine, new)

    async with hers.write() as work:
        assert (len(found), await work.blobs.delete(found)) == (1, 0)
        await work.commit()

    assert await data_of(hers, new.id) == large()


async def test_a_content_that_is_being_deleted_is_stored_anew(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    mine, hers = databases
    old, new = refused(sample, large()), refused(sample, large())
    await insert(mine, old)
    await remove(mine, old)

    async with hers.write() as work:
        await work.blobs.forget([old.id])
        [digest] = [row[0] for row in await work.transaction.fetch("SELECT digest FROM blobs")]
        assert await work.blobs.delete([digest]) == 1
        inserting = asyncio.create_task(insert(mine, new))
        await asyncio.wait([inserting], timeout=0.05)
        assert not inserting.done()
        await work.commit()
    await inserting

    assert await data_of(hers, new.id) == large()


async def test_inserting_deleting_and_sweeping_at_once_loses_nothing(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    lost: list[EventId] = []
    letters = "abc"

    async def come_and_go(database: SqlDatabase, number: int) -> None:
        for turn in range(12):
            wanted = large(letters[(number + turn) % len(letters)])
            event = refused(sample, wanted)
            await insert(database, event, refused(sample, large(letters[turn % len(letters)])))
            if await data_of(databases[turn % 2], event.id) != wanted:
                lost.append(event.id)
            await remove(database, event)

    async def keep_sweeping(database: SqlDatabase) -> None:
        for _ in range(12):
            await sweep(database)

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(come_and_go(databases[number % 2], number))
        group.create_task(keep_sweeping(databases[0]))
        group.create_task(keep_sweeping(databases[1]))

    assert lost == []
    async with databases[0].read() as work:
        left = await work.events.list(PROJECT, EventFilter(), Page(limit=200))
    assert {(await data_of(databases[1], event.id))["text"][0] for event in left} <= set(letters)
    assert len(left) == 4 * 12


async def test_a_missing_content_damages_one_execution_and_no_other(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    mine, hers = databases
    events = [await started(mine, sample, large("a")), await started(mine, sample, large("b"))]
    async with mine.write() as work:
        await work.transaction.fetch(
            "DELETE FROM blobs WHERE digest = (SELECT u.digest FROM blob_uses AS u WHERE u.owner_id = "
            f"'{events[0].id}')"
        )
        await work.commit()

    damaged, whole = await claim(hers, [event.execution_id for event in events if event.execution_id])

    assert damaged.damage is not None
    assert "missing" in damaged.damage
    assert (whole.damage, whole.data) == (None, large("b"))
    assert await data_of(hers, events[0].id) == {"$large_value": {"bytes": SIZE + 22, "missing": True}}


async def test_replaying_copies_references_and_not_contents(database: SqlDatabase, sample: Sample) -> None:
    event = await started(database, sample, large("a"))
    again = sample.execution(event, id=new_id(), rerun_of=new_id())
    async with database.write() as work:
        await work.executions.insert([again])
        await work.executions.take_over(again, [step(output=large("b"))])
        await work.commit()
    contents, _ = await stored(database)

    async with database.write() as work:
        assert event.execution_id is not None
        await work.executions.cancel(event.execution_id, now=LATER + timedelta(1), reason="enough")
        await work.executions.delete([event.execution_id])
        await work.commit()
    await sweep(database)

    assert contents == 2
    [claimed] = await claim(database, [again.id])
    assert (claimed.data, claimed.steps[0].output) == (large("a"), large("b"))


async def test_merged_events_count_with_the_size_of_their_data_wherever_they_are(
    database: SqlDatabase, sample: Sample
) -> None:
    first = refused(sample, None)
    sizes = {"é": 2 * SIZE + 22, "x": SIZE + 22}
    merged = [refused(sample, large(letter)) for letter in sizes]
    small = refused(sample, {"n": 1})
    theirs = [replace(event, fate=Fate.MERGED, first_event_id=first.id) for event in (*merged, small)]
    await insert(database, first, *theirs)

    async with database.read() as work:
        collected = (await work.admissions.collected([first.id]))[first.id]

    assert (collected.events, collected.data_bytes) == (3, sum(sizes.values()) + len('{"n":1}'))
