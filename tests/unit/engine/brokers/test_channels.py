"""Rare calls share channels one after another, never at the same time, and never after a failure."""

from datetime import timedelta
from typing import Any, cast

import pytest
from aio_pika.abc import AbstractChannel

from engine.brokers.channels import SpareChannels
from engine.brokers.link import Link
from engine.errors import Unavailable


class FakeChannel:
    is_closed = False

    async def close(self, reason: Exception) -> None:
        self.is_closed = True


class FakeConnection:
    async def channel(self, **_: Any) -> FakeChannel:
        return FakeChannel()


class FakeLink:
    def __init__(self) -> None:
        self.connection = FakeConnection()


@pytest.fixture
def link() -> FakeLink:
    return FakeLink()


@pytest.fixture
def channels(link: FakeLink) -> SpareChannels:
    return SpareChannels(cast(Link, link), timeout=timedelta(seconds=5))


async def used(channels: SpareChannels) -> AbstractChannel:
    async with channels.use("testing") as channel:
        return channel


async def test_calls_one_after_another_share_a_channel(channels: SpareChannels) -> None:
    first = await used(channels)

    assert await used(channels) is first
    assert not first.is_closed


async def test_calls_at_the_same_time_have_channels_of_their_own(channels: SpareChannels) -> None:
    async with channels.use("testing") as one, channels.use("testing") as two:
        assert one is not two

    assert {await used(channels), await used(channels)} <= {one, two}


async def test_a_call_that_fails_closes_its_channel(channels: SpareChannels) -> None:
    async def fail() -> None:
        async with channels.use("testing") as channel:
            failed.append(channel)
            raise ConnectionResetError

    failed: list[AbstractChannel] = []
    with pytest.raises(Unavailable, match=r"^testing: ConnectionResetError"):
        await fail()

    assert failed[0].is_closed
    assert await used(channels) is not failed[0]


async def test_a_channel_of_a_lost_connection_is_not_used_again(channels: SpareChannels, link: FakeLink) -> None:
    before = await used(channels)

    link.connection = FakeConnection()

    assert await used(channels) is not before


async def test_a_channel_that_the_broker_closed_is_not_used_again(channels: SpareChannels) -> None:
    before = await used(channels)

    cast(FakeChannel, before).is_closed = True

    assert await used(channels) is not before
