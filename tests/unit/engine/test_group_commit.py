"""Group commits: one write for many, each gets its own result, and one bad item fails alone."""

import asyncio
from collections.abc import Sequence

import pytest

from engine.errors import Unavailable
from engine.group_commit import GroupCommit


async def test_an_idle_group_writes_at_once_and_a_busy_one_writes_together() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        await gate.wait()
        return [item * 10 for item in items]

    async with GroupCommit(write) as group, asyncio.TaskGroup() as tasks:
        submitted = [tasks.create_task(group.submit(1))]
        while not batches:
            await asyncio.sleep(0)
        submitted += [tasks.create_task(group.submit(item)) for item in (2, 3, 4)]
        await asyncio.sleep(0)
        gate.set()
        results = [await task for task in submitted]

    assert batches == [[1], [2, 3, 4]]
    assert results == [10, 20, 30, 40]


async def test_a_batch_is_never_larger_than_allowed() -> None:
    sizes: list[int] = []

    async def write(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        await asyncio.sleep(0)
        return items

    async with GroupCommit(write, largest=3) as group:
        await asyncio.gather(*(group.submit(item) for item in range(10)))

    assert max(sizes) <= 3
    assert sum(sizes) == 10


async def test_a_bad_item_fails_alone() -> None:
    async def write(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        if 2 in items:
            raise ValueError("two")
        return items

    async with GroupCommit(write) as group:
        results = await asyncio.gather(*(group.submit(item) for item in (1, 2, 3)), return_exceptions=True)

    assert results[0] == 1
    assert isinstance(results[1], ValueError)
    assert results[2] == 3


async def test_an_unavailable_database_fails_the_whole_batch_once() -> None:
    calls = 0

    async def write(_: Sequence[int]) -> Sequence[int]:
        nonlocal calls
        calls += 1
        raise Unavailable("away")

    async with GroupCommit(write) as group:
        results = await asyncio.gather(*(group.submit(item) for item in (1, 2)), return_exceptions=True)

    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert calls <= 2


async def test_a_cancelled_caller_does_not_cancel_the_others() -> None:
    gate = asyncio.Event()
    written: list[int] = []

    async def write(items: Sequence[int]) -> Sequence[int]:
        await gate.wait()
        written.extend(items)
        return items

    async with GroupCommit(write) as group:
        first, second = (asyncio.ensure_future(group.submit(item)) for item in (1, 2))
        await asyncio.sleep(0)
        first.cancel()
        gate.set()
        assert await second == 2

    assert sorted(written) == [1, 2], "what was handed in may be written all the same"


async def test_what_was_not_written_at_the_end_is_told_so() -> None:
    async def write(items: Sequence[int]) -> Sequence[int]:
        await asyncio.Event().wait()
        return items

    async with GroupCommit(write) as group:
        waiting = [asyncio.ensure_future(group.submit(item)) for item in (1, 2)]
        for _ in range(3):
            await asyncio.sleep(0)
    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(result) for result in results] == [Unavailable, Unavailable]


async def test_submitting_after_the_end_fails_instead_of_waiting_for_ever() -> None:
    async def write(items: Sequence[int]) -> Sequence[int]:
        return items

    group: GroupCommit[int, int] = GroupCommit(write)
    async with group:
        pass

    with pytest.raises(Unavailable, match="stopping"):
        async with asyncio.timeout(1):
            await group.submit(1)


async def test_an_error_of_the_body_comes_out_as_it_is() -> None:
    async def write(items: Sequence[int]) -> Sequence[int]:
        return items

    with pytest.raises(Unavailable, match="the database went away"):
        async with GroupCommit(write):
            raise Unavailable("the database went away")
