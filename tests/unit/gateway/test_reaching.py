"""Waiting for a database or a broker at the start, and naming it without its password."""

import asyncio
import logging
from datetime import timedelta

import pytest

from engine.errors import Unavailable
from gateway.reaching import Stopped, Waiting, broker_place, database_place, named, patiently
from gateway.settings import Settings


class StubStart:
    """Fails ``failures`` times, then returns."""

    def __init__(self, failures: int) -> None:
        self.left = failures

    async def __call__(self) -> str:
        if self.left:
            self.left -= 1
            raise Unavailable("away")
        return "open"


async def test_without_patience_the_first_failure_counts() -> None:
    with pytest.raises(Unavailable, match="away"):
        await patiently(StubStart(1), Waiting())


async def test_with_patience_it_is_tried_again_and_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.reaching.TRY_EVERY_SECONDS", 0.001)

    with caplog.at_level(logging.WARNING):
        assert await patiently(StubStart(3), Waiting(patience=timedelta(minutes=1))) == "open"

    assert [record.getMessage() for record in caplog.records] == ["waiting"]
    assert caplog.records[0].__dict__["reason"] == "away"


async def test_patience_ends() -> None:
    with pytest.raises(Unavailable):
        await patiently(StubStart(10), Waiting(patience=timedelta(milliseconds=10)))


async def test_a_stop_ends_the_wait_at_once() -> None:
    waiting = Waiting(patience=timedelta(hours=1))
    waiting.stop.set()

    async with asyncio.timeout(1):
        with pytest.raises(Stopped):
            await patiently(StubStart(10), waiting)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql+asyncpg://me:hush@db.test/hub", 'the database "hub" at db.test:5432'),
        ("postgresql+asyncpg://me:hush@db.test:6000/hub", 'the database "hub" at db.test:6000'),
        ("sqlite+aiosqlite:////srv/hub.db", 'the database file "/srv/hub.db"'),
    ],
)
def test_a_database_is_named_without_its_password(url: str, place: str) -> None:
    assert database_place(Settings(database_url=url)) == place


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("amqp://me:hush@mq.test/", "the broker at mq.test:5672"),
        ("amqps://me:hush@mq.test/", "the broker at mq.test:5671"),
    ],
)
def test_a_broker_is_named_without_its_password(url: str, place: str) -> None:
    assert broker_place(Settings(broker_url=url)) == place


def test_what_already_says_what_to_do_is_left_alone() -> None:
    with pytest.raises(Unavailable) as error, named(Settings()):
        raise Unavailable("the database has no tables yet; run `patchbay migrate`")

    assert str(error.value) == "the database has no tables yet; run `patchbay migrate`"
