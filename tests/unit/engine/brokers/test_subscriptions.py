"""A subscription is attached to every connection once, whenever it came."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, cast

from aio_pika.abc import AbstractChannel

from engine.brokers.connection import Connection
from engine.brokers.link import Link
from engine.brokers.subscriptions import Subscriptions

SECOND = timedelta(seconds=1)


class FakeChannel:
    async def close(self, reason: Exception) -> None:
        """Nothing to do."""


class FakeConnection:
    async def channel(self, **_: Any) -> FakeChannel:
        return FakeChannel()


class FakeLink:
    """A link that is up when its test says so."""

    is_up = False
    connection = FakeConnection()

    async def watch(self, connection: FakeConnection, channel: FakeChannel, **_: Any) -> None:
        """Fake channels do not close by themselves."""


class CountingSubscription:
    def __init__(self) -> None:
        self.starts = 0

    async def start(self, channel: AbstractChannel) -> None:
        self.starts += 1


def connection() -> Connection:
    return cast(Connection, FakeConnection())


async def test_a_subscription_that_comes_while_others_are_attached_is_not_forgotten() -> None:
    """The link is not up yet, so the newcomer does not attach itself."""
    link, subscriptions, late = cast(Link, FakeLink()), Subscriptions(), CountingSubscription()
    async with AsyncExitStack() as stack:

        class Early(CountingSubscription):
            async def start(self, channel: AbstractChannel) -> None:
                await stack.enter_async_context(subscriptions.keep(late, link, timeout=SECOND))

        await stack.enter_async_context(subscriptions.keep(Early(), link, timeout=SECOND))
        await subscriptions.attach_all(link, connection())

        assert late.starts == 1


async def test_a_subscription_is_attached_once_to_each_connection() -> None:
    link, subscriptions, one = cast(Link, FakeLink()), Subscriptions(), CountingSubscription()
    first, second = connection(), connection()
    async with subscriptions.keep(one, link, timeout=SECOND):
        for current in (first, first, second):
            await subscriptions.attach_all(link, current)

    await subscriptions.attach_all(link, connection())

    assert one.starts == 2


async def test_a_subscription_on_a_link_that_is_up_works_when_its_context_begins() -> None:
    link, subscriptions, one = FakeLink(), Subscriptions(), CountingSubscription()
    link.is_up = True

    async with subscriptions.keep(one, cast(Link, link), timeout=SECOND):
        assert one.starts == 1
