"""PostgreSQL's tables by month: rows find their partition, new months come in time, emptied ones go, nobody waits."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from db.migrate import migrate
from db.partitions import KEYS, Month, Partition
from db.session import SqlDatabase
from engine.errors import Unavailable
from engine.model.base import EventId, ExecutionId, new_id
from engine.model.execution import DeadLetter, Status
from engine.model.workflow import Lane
from engine.partitions import BETWEEN_LOOKS, SOON, PartitionKeeper
from tests.contract.database_kits import LATER, ME, PROJECT, Sample, claim, open_here, record, save, status_of, step
from tests.fakes import FakeClock
from tests.services.probes import plain

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
THIS = Month.of(NOW)
NEXT = THIS.next
AFTER_THAT = NEXT.next


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[SqlDatabase]:
    await migrate(database_url)
    async with open_here(database_url) as opened:
        yield opened


@pytest.fixture
async def connection(database_url: str, database: SqlDatabase) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(plain(database_url))
    yield opened
    await opened.close()


@pytest.fixture
def sample() -> Sample:
    return Sample()


def keeper(database: SqlDatabase, now: datetime = NOW) -> PartitionKeeper:
    return PartitionKeeper(database, FakeClock(now))


def minted(month: Month) -> ExecutionId:
    """An id as it would be made in a month."""
    return ExecutionId(month.first_id[:14] + new_id()[14:])


async def start(database: SqlDatabase, sample: Sample, month: Month) -> ExecutionId:
    event = replace(sample.event(), id=EventId(minted(month)), execution_id=minted(month))
    async with database.write() as work:
        await work.events.insert([event])
        await work.executions.insert([sample.execution(event)])
        await work.commit()
    assert event.execution_id is not None
    return event.execution_id


async def finish(database: SqlDatabase, sample: Sample, execution_id: ExecutionId) -> None:
    """With a step and a dead letter of the same time."""
    [claimed] = await claim(database, [execution_id])
    letter = DeadLetter(
        id=minted(Month.of(id_time(execution_id))), project_id=PROJECT, workflow_id=sample.workflow_id,
        execution_id=execution_id, step=None, code="permanent", message="no", fingerprint="f", created_at=LATER,
    )  # fmt: skip
    assert await save(database, [record(claimed, Status.FAILED, steps=(step(),), dead_letter=letter)])


def id_time(execution_id: ExecutionId) -> datetime:
    return datetime.fromtimestamp(int(execution_id.replace("-", "")[:12], 16) / 1000, UTC)


async def delete(database: SqlDatabase, *ids: ExecutionId) -> None:
    async with database.write() as work:
        await work.executions.delete(ids)
        await work.commit()


async def places(connection: asyncpg.Connection) -> dict[str, set[str]]:
    """The names of the partitions that hold rows, by table."""
    return {
        table: {row[0] for row in await connection.fetch(f"SELECT DISTINCT tableoid::regclass::text FROM {table}")}
        for table in KEYS
    }


async def partitions(connection: asyncpg.Connection, table: str = "executions") -> list[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::text::regclass ORDER BY 1", table
    )
    return [row[0] for row in rows]


async def test_partitions_are_made_two_months_ahead_and_once(
    database: SqlDatabase, connection: asyncpg.Connection
) -> None:
    await keeper(database).tick()
    wait = await keeper(database).tick()

    assert wait == BETWEEN_LOOKS
    for table in KEYS:
        made = [f"{table}_{NEXT}", f"{table}_{AFTER_THAT}", f"{table}_default", f"{table}_until_{NEXT}"]
        assert await partitions(connection, table) == made


async def test_two_keepers_at_once_make_each_partition_once(
    database: SqlDatabase, connection: asyncpg.Connection
) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(keeper(database).tick())

    assert await keeper(database).tick() == BETWEEN_LOOKS
    assert len(await partitions(connection)) == 4


async def test_a_month_later_the_next_one_is_made(database: SqlDatabase, connection: asyncpg.Connection) -> None:
    await keeper(database).tick()
    await start(database, Sample(), THIS)  # so that the first one stays

    await keeper(database, NEXT.start + timedelta(hours=1)).tick()

    assert f"executions_{AFTER_THAT.next}" in await partitions(connection)


async def test_executions_of_every_month_run_with_all_that_is_theirs(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample
) -> None:
    await keeper(database).tick()
    far = Month(2200, 1)
    ids = [await start(database, sample, month) for month in (Month(2001, 1), THIS, NEXT, AFTER_THAT, far)]

    for execution_id in ids:
        await finish(database, sample, execution_id)

    assert [await status_of(database, execution_id) for execution_id in ids] == [Status.FAILED] * len(ids)
    for table, found in (await places(connection)).items():
        names = {f"{table}_until_{NEXT}", f"{table}_{NEXT}", f"{table}_{AFTER_THAT}", f"{table}_default"}
        assert found == names


async def test_executions_of_several_months_are_recorded_by_one_commit(database: SqlDatabase, sample: Sample) -> None:
    await keeper(database).tick()
    ids = [await start(database, sample, month) for month in (AFTER_THAT, THIS, Month(2200, 1), NEXT)]
    claimed = await claim(database, ids)
    records = [record(one, Status.SUCCEEDED, output=one.id, steps=(step(),)) for one in claimed]
    late = replace(records[0], epoch=0, output="late")

    counted = await save(database, [late, *records])

    assert counted == set(ids)
    async with database.read() as work:
        outputs = [await work.executions.outcome(execution_id) for execution_id in ids]
    assert [found.output for found in outputs if found] == ids


async def test_housekeeping_finds_executions_in_every_month(database: SqlDatabase, sample: Sample) -> None:
    await keeper(database).tick()
    ids = [await start(database, sample, month) for month in (AFTER_THAT, Month(2200, 1), THIS)]
    claimed = await claim(database, ids)
    await save(database, [record(claimed[0], Status.WAITING, due_at=LATER)])

    async with database.write() as work:
        assert await work.executions.wake(LATER, limit=10) == [(ids[0], Lane.NORMAL)]
        assert {one for one, _ in await work.executions.requeue([ME], now=LATER, limit=10)} == set(ids[1:])
        assert set(await work.executions.unheard(Lane.NORMAL, queued_before=LATER + timedelta(1), limit=9)) == set(ids)
        await work.commit()


async def test_a_month_whose_history_is_gone_loses_its_partitions(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample
) -> None:
    await keeper(database).tick()
    old, kept = await start(database, sample, THIS), await start(database, sample, NEXT)
    await finish(database, sample, old)
    then = AFTER_THAT.start + timedelta(days=2)
    await keeper(database, then).tick()
    assert f"executions_until_{NEXT}" in await partitions(connection)

    await delete(database, old)
    await keeper(database, then).tick()

    for table in KEYS:
        assert f"{table}_until_{NEXT}" not in await partitions(connection, table)
    assert f"executions_{NEXT}" in await partitions(connection)
    assert f"steps_{NEXT}" not in await partitions(connection, "steps")
    await finish(database, sample, kept)
    assert (await places(connection))["steps"] == {"steps_default"}


async def test_a_month_that_has_just_ended_keeps_its_partitions_for_a_day(
    database: SqlDatabase, connection: asyncpg.Connection
) -> None:
    await keeper(database, NEXT.start + timedelta(hours=23)).tick()
    assert f"executions_until_{NEXT}" in await partitions(connection)

    await keeper(database, NEXT.start + timedelta(hours=25)).tick()
    assert f"executions_until_{NEXT}" not in await partitions(connection)


async def test_a_row_that_came_since_the_look_keeps_its_partition(database: SqlDatabase, sample: Sample) -> None:
    async with database.read() as work:
        emptied = await work.partitions.emptied(AFTER_THAT.start)
    late = await start(database, sample, THIS)

    async with database.write() as work:
        assert f"executions_until_{NEXT}" in emptied
        assert not await work.partitions.drop(f"executions_until_{NEXT}")
        assert await work.partitions.drop(f"steps_until_{NEXT}")
        assert not await work.partitions.drop(f"steps_until_{NEXT}")
        await work.commit()

    assert await status_of(database, late) is Status.QUEUED


async def test_a_late_row_of_a_dropped_month_is_stored_all_the_same(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample
) -> None:
    then = AFTER_THAT.start + timedelta(days=2)
    await keeper(database, then).tick()

    await finish(database, sample, await start(database, sample, THIS))

    assert (await places(connection))["executions"] == {"executions_default"}


async def test_a_month_whose_rows_came_before_its_partition_stays_in_the_default_one(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample
) -> None:
    early = await start(database, sample, NEXT)

    assert await keeper(database).tick() == BETWEEN_LOOKS
    assert f"executions_{NEXT}" not in await partitions(connection)
    assert f"executions_{AFTER_THAT}" in await partitions(connection)
    await finish(database, sample, early)
    await delete(database, early)
    await keeper(database).tick()

    assert f"executions_{NEXT}" in await partitions(connection)


async def test_a_busy_table_is_left_alone_and_tried_again_soon(
    database: SqlDatabase, connection: asyncpg.Connection, sample: Sample
) -> None:
    async with database.write() as busy:
        await busy.executions.cancel(await start(database, sample, THIS), now=LATER, reason="enough")
        assert await keeper(database).tick() == SOON
        with pytest.raises(Unavailable):
            async with database.write() as work:
                await work.partitions.drop(f"executions_until_{NEXT}")
        assert await partitions(connection) == ["executions_default", f"executions_until_{NEXT}"]
        await busy.commit()

    assert await keeper(database).tick() == BETWEEN_LOOKS


async def test_no_other_name_gets_into_a_statement(database: SqlDatabase) -> None:
    async with database.write() as work:
        for act in (work.partitions.make, work.partitions.drop):
            with pytest.raises(ValueError, match="not the name of a partition"):
                await act("executions_2026_11; DROP TABLE events")


async def test_every_partition_has_the_indexes_of_its_table(
    database: SqlDatabase, connection: asyncpg.Connection
) -> None:
    await keeper(database).tick()

    for table in KEYS:
        shapes = {}
        for name in (table, *await partitions(connection, table)):
            rows = await connection.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = $1", name)
            shapes[name] = sorted(row[0].partition(" USING ")[2] for row in rows)
        assert len(shapes[table]) > 0
        assert shapes == dict.fromkeys(shapes, shapes[table])


LOOK_UPS = [
    "SELECT * FROM executions WHERE id = '{id}'",
    "UPDATE executions SET epoch = epoch + 1 WHERE id = ANY ('{{{id}}}'::uuid[]) AND status || '' = 'queued'",
    "SELECT * FROM steps WHERE execution_id = ANY ('{{{id}}}'::uuid[])",
    "DELETE FROM steps WHERE execution_id = ANY ('{{{id}}}'::uuid[])",
    "SELECT * FROM dead_letters WHERE id = '{id}'",
]


@pytest.mark.parametrize("statement", LOOK_UPS)
async def test_looking_up_by_id_concerns_one_partition(
    database: SqlDatabase, connection: asyncpg.Connection, statement: str
) -> None:
    await make_many(connection)
    await connection.execute("SET enable_seqscan = off")  # as the hub's own connections have it: the tables are empty

    rows: Sequence[asyncpg.Record] = await connection.fetch("EXPLAIN " + statement.format(id=minted(NEXT)))

    plan = "\n".join(row[0] for row in rows)
    assert str(NEXT) in plan
    assert "until" not in plan
    assert "default" not in plan
    assert "Seq Scan" not in plan


async def make_many(connection: asyncpg.Connection) -> None:
    month = NEXT
    for _ in range(12):
        for table in KEYS:
            await connection.execute(Partition.of(table, month).create())
        month = month.next
