"""What every database must do with results that stand in for calls: written with their step, found until they expire."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutorId, Json, new_id
from engine.model.execution import Status
from engine.model.result import Result, ResultKey
from tests.contract.database_kits import LATER, PROJECT, SHE, Sample, claim, record, save, step
from tests.fakes import START

pytestmark = pytest.mark.contract

HOUR = timedelta(hours=1)


def result(sample: Sample, digest: str, output: Json = None, *, lifetime: timedelta = HOUR) -> Result:
    key = ResultKey(digest=digest, project_id=PROJECT, workflow_id=sample.workflow_id, node="ask")
    return Result(key=key, output=output, stored_at=START, expires_at=START + lifetime)


async def keep(database: SqlDatabase, sample: Sample, *results: Result) -> None:
    """Let an execution succeed and leave these."""
    [claimed] = await claim(database, await sample.start(database))
    await save(database, [record(claimed, Status.SUCCEEDED, steps=(step(),), results=results)])


async def found(database: SqlDatabase, *digests: str, at: timedelta = timedelta(0)) -> Mapping[str, Json]:
    async with database.read() as work:
        return await work.results.find(digests, now=START + at)


async def test_results_are_found_by_digest_as_they_were_kept(database: SqlDatabase, sample: Sample) -> None:
    one, two, three = new_id(), new_id(), new_id()

    await keep(database, sample, result(sample, one, {"rate": 1.5, "none": None}), result(sample, two, None))

    assert await found(database, one, two, three) == {one: {"rate": 1.5, "none": None}, two: None}
    assert await found(database) == {}


async def test_a_result_is_not_found_from_the_moment_it_expires(database: SqlDatabase, sample: Sample) -> None:
    digest = new_id()
    await keep(database, sample, result(sample, digest, 1))

    assert await found(database, digest, at=HOUR - timedelta(microseconds=1)) == {digest: 1}
    assert await found(database, digest, at=HOUR) == {}


async def test_a_later_result_replaces_an_earlier_one_also_within_one_commit(
    database: SqlDatabase, sample: Sample
) -> None:
    digest = new_id()
    await keep(database, sample, result(sample, digest, 1, lifetime=timedelta(seconds=1)))
    first, second = await claim(database, await sample.start(database, 2))

    await save(
        database,
        [
            record(first, Status.SUCCEEDED, results=(result(sample, digest, 2),)),
            record(second, Status.SUCCEEDED, results=(result(sample, digest, 3),)),
        ],
    )

    assert await found(database, digest, at=timedelta(seconds=2)) == {digest: 3}


async def test_what_does_not_count_leaves_no_result(database: SqlDatabase, sample: Sample) -> None:
    digest = new_id()
    [mine] = await claim(database, await sample.start(database))
    [hers] = await claim(database, await sample.start(database), SHE)

    counted = await save(
        database,
        [
            record(mine, Status.SUCCEEDED),
            record(hers, Status.SUCCEEDED, owner=ExecutorId("nobody"), results=(result(sample, digest, 1),)),
        ],
    )

    assert counted == {mine.id}
    assert await found(database, digest) == {}


async def test_all_checkpoints_of_one_execution_in_a_commit_leave_their_results(
    database: SqlDatabase, sample: Sample
) -> None:
    one, two = new_id(), new_id()
    [claimed] = await claim(database, await sample.start(database))

    await save(
        database,
        [
            record(claimed, Status.RUNNING, results=(result(sample, one, 1),)),
            record(claimed, Status.SUCCEEDED, results=(result(sample, two, 2),)),
        ],
    )

    assert await found(database, one, two) == {one: 1, two: 2}


async def test_expired_results_are_deleted_oldest_first_so_many_at_a_time(
    database: SqlDatabase, sample: Sample
) -> None:
    seconds = [timedelta(seconds=number) for number in (3, 1, 2, 9)]
    digests = [new_id() for _ in seconds]
    kept = [result(sample, digest, lifetime=each) for digest, each in zip(digests, seconds, strict=True)]
    await keep(database, sample, *kept)
    now = START + timedelta(seconds=3)

    async with database.write() as work:
        counts = [await work.results.has_expired(now=now), await work.results.delete_expired(now=now, limit=2)]
        await work.commit()
    assert counts == [True, 2]
    assert set(await found(database, *digests)) == {digests[0], digests[3]}

    async with database.write() as work:
        assert await work.results.delete_expired(now=now, limit=2) == 1
        assert not await work.results.has_expired(now=now)
        await work.commit()
    assert set(await found(database, *digests)) == {digests[3]}


async def test_a_workflow_takes_its_results_with_it(database: SqlDatabase, sample: Sample) -> None:
    other = Sample()
    await other.install(database)
    mine, theirs = new_id(), new_id()
    await keep(database, sample, result(sample, mine, 1))
    await keep(database, other, result(other, theirs, 2))

    async with database.write() as work:
        await work.workflows.delete(sample.workflow_id)
        await work.commit()

    assert await found(database, mine, theirs) == {theirs: 2}


async def test_executors_that_keep_the_same_results_at_once_do_not_block_each_other(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    digests = [new_id() for _ in range(20)]
    claimed = await claim(databases[0], await sample.start(databases[0], 8))

    async with asyncio.TaskGroup() as group:
        for number, each in enumerate(claimed):
            turned = digests if number % 2 else digests[::-1]
            results = tuple(result(sample, digest, number) for digest in turned)
            group.create_task(
                save(databases[number % 2], [record(each, Status.SUCCEEDED, results=results, finished_at=LATER)])
            )

    assert set(await found(databases[0], *digests)) == set(digests)
