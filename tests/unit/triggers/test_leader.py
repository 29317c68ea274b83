"""One of several schedulers leads, and stops before another can take over."""

from datetime import timedelta

import pytest

from engine.service import AT_ONCE
from tests.fakes import FakeClock, SwitchedDatabase
from triggers.leader import LEASE, SAFETY_MARGIN, Leader, Led


@pytest.fixture
def first(database: SwitchedDatabase, clock: FakeClock) -> Leader:
    return Leader(database, clock, "scheduler", "first")


@pytest.fixture
def second(database: SwitchedDatabase, clock: FakeClock) -> Leader:
    return Leader(database, clock, "scheduler", "second")


async def test_the_first_to_ask_leads_and_the_other_stands_by(first: Leader, second: Leader) -> None:
    await first.tick()
    await second.tick()

    assert (first.is_leader, second.is_leader) == (True, False)


async def test_renewing_keeps_the_lead(first: Leader, second: Leader, clock: FakeClock) -> None:
    for _ in range(10):
        wait = await first.tick()
        await second.tick()
        assert (first.is_leader, second.is_leader) == (True, False)
        clock.advance(wait)


async def test_leads_of_different_names_are_independent(
    first: Leader, database: SwitchedDatabase, clock: FakeClock
) -> None:
    other = Leader(database, clock, "polling", "second")

    await first.tick()
    await other.tick()

    assert first.is_leader
    assert other.is_leader


async def test_a_leader_that_cannot_renew_stops_before_another_can_take_over(
    first: Leader, second: Leader, clock: FakeClock
) -> None:
    await first.tick()

    clock.advance(LEASE - SAFETY_MARGIN)
    await second.tick()
    assert (first.is_leader, second.is_leader) == (False, False)

    clock.advance(SAFETY_MARGIN)
    await second.tick()
    assert (first.is_leader, second.is_leader) == (False, True)


async def test_a_leader_without_a_database_keeps_its_lease_until_it_ends(
    first: Leader, database: SwitchedDatabase, clock: FakeClock
) -> None:
    await first.tick()
    database.away = True

    clock.advance(timedelta(seconds=3))
    wait = await first.tick()
    assert first.is_leader
    assert wait < timedelta(seconds=1)

    clock.advance(LEASE)
    await first.tick()
    assert not first.is_leader


async def test_a_leader_that_lost_its_lease_notices_when_it_renews(
    first: Leader, second: Leader, clock: FakeClock
) -> None:
    await first.tick()
    clock.advance(LEASE)
    await second.tick()

    await first.tick()

    assert (first.is_leader, second.is_leader) == (False, True)


async def test_leaving_hands_the_lead_over_at_once(first: Leader, second: Leader) -> None:
    async with first:
        await first.tick()

    await second.tick()

    assert (first.is_leader, second.is_leader) == (False, True)


async def test_leaving_while_the_database_is_away_is_no_error(first: Leader, database: SwitchedDatabase) -> None:
    async with first:
        await first.tick()
        database.away = True

    assert not first.is_leader


async def test_a_led_service_ticks_only_while_its_process_leads(
    first: Leader, second: Leader, clock: FakeClock
) -> None:
    ticks: list[str] = []

    class Counted:
        def __init__(self, name: str) -> None:
            self.name = name

        async def tick(self) -> timedelta:
            ticks.append(self.name)
            return AT_ONCE

    await first.tick()
    await second.tick()

    waits = [await Led(Counted("first"), first).tick(), await Led(Counted("second"), second).tick()]

    assert ticks == ["first"]
    assert waits == [AT_ONCE, timedelta(seconds=1)]
