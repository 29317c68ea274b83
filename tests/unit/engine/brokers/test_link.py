"""The waits between attempts, and which errors mean that the broker is away."""

import asyncio
from datetime import timedelta

import aiormq
import pytest

from engine.brokers.link import Backoff, broker_errors
from engine.errors import Unavailable

BACKOFF = Backoff(first=timedelta(milliseconds=100), ceiling=timedelta(seconds=5))


@pytest.mark.parametrize(
    ("failures", "chance", "milliseconds"),
    [(1, 0.0, 50), (1, 1.0, 100), (2, 1.0, 200), (4, 0.5, 600), (7, 1.0, 5000), (10_000, 0.0, 2500)],
)
def test_the_wait_doubles_up_to_the_ceiling_and_half_of_it_is_chance(
    failures: int, chance: float, milliseconds: int
) -> None:
    assert BACKOFF.delay(failures, chance=chance) == timedelta(milliseconds=milliseconds)


@pytest.mark.parametrize(
    "error",
    [
        aiormq.AMQPConnectionError("gone"),
        aiormq.ChannelNotFoundEntity("no queue"),
        aiormq.ChannelInvalidStateError("closed"),
        ConnectionResetError("reset"),
        TimeoutError(),
        RuntimeError("closed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_aiormq_raises_for_a_broker_that_is_away_becomes_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable, match=r"^publishing: .") as raised, broker_errors("publishing"):
        raise error

    assert raised.value.__cause__ is error


async def test_a_cancelled_error_that_nobody_asked_for_becomes_unavailable() -> None:
    """This is how aiormq ends the calls that wait on a connection that is lost."""
    pending = asyncio.get_running_loop().create_future()
    pending.cancel()

    with pytest.raises(Unavailable, match="connection to the broker was lost"), broker_errors("publishing"):
        await pending


async def test_a_real_cancellation_stays_one() -> None:
    async def wait() -> None:
        with broker_errors("publishing"):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_bug_of_ours_is_not_hidden() -> None:
    with pytest.raises(KeyError), broker_errors("publishing"):
        raise KeyError
