"""The waits between attempts."""

from datetime import timedelta

import pytest

from engine.brokers.link import Backoff

BACKOFF = Backoff(first=timedelta(milliseconds=100), ceiling=timedelta(seconds=5))


@pytest.mark.parametrize(
    ("failures", "chance", "milliseconds"),
    [(1, 0.0, 50), (1, 1.0, 100), (2, 1.0, 200), (4, 0.5, 600), (7, 1.0, 5000), (10_000, 0.0, 2500)],
)
def test_the_wait_doubles_up_to_the_ceiling_and_half_of_it_is_chance(
    failures: int, chance: float, milliseconds: int
) -> None:
    assert BACKOFF.delay(failures, chance=chance) == timedelta(milliseconds=milliseconds)
