"""A task beside a body: it ends with the body, and neither hides the other's failure."""

import asyncio

import pytest

from engine.brokers.background import Background


async def test_the_task_ends_with_the_body() -> None:
    ended = asyncio.Event()

    async def main() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with Background(main, name="test"):
        await asyncio.sleep(0)

    assert ended.is_set()


async def test_an_error_of_the_body_is_raised_as_it_is() -> None:
    async def fail() -> None:
        async with Background(asyncio.Event().wait, name="test"):  # type: ignore[arg-type]  # returns True, never
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


async def test_a_crash_of_the_task_ends_the_body_and_is_raised() -> None:
    async def crash() -> None:
        raise ZeroDivisionError

    async def wait() -> None:
        async with Background(crash, name="test"):
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as raised:
        await wait()

    assert raised.group_contains(ZeroDivisionError)
