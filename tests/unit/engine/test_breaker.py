"""Breakers open on a failure rate, let one caller probe, and are shared between executors."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.breaker import Breakers, Permit
from engine.errors import CircuitOpen
from engine.model.base import JsonObject
from tests.fakes import FakeClock, SwitchedDatabase, sqlite_database

KEY = "connection:crm"
OPEN_FOR = timedelta(seconds=30)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def database(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SwitchedDatabase]:
    async with sqlite_database(tmp_path, clock) as database:
        yield database


@pytest.fixture
def breakers(database: SwitchedDatabase, clock: FakeClock) -> Breakers:
    return of_one_executor(database, clock)


@pytest.fixture
def others(database: SwitchedDatabase, clock: FakeClock) -> Breakers:
    """The breakers of another executor on the same database."""
    return of_one_executor(database, clock)


def of_one_executor(database: SwitchedDatabase, clock: FakeClock) -> Breakers:
    return Breakers(database, clock, min_calls=4, failure_rate=0.5, open_for=OPEN_FOR)


async def call(breakers: Breakers, outcomes: str, key: str = KEY) -> None:
    """Make one call per character: ``+`` succeeds, ``-`` fails, ``x`` is abandoned."""
    for outcome in outcomes:
        permit = await breakers.admit(key)
        {"+": permit.success, "-": permit.failure, "x": permit.abandon}[outcome]()


async def refused(breakers: Breakers, key: str = KEY) -> CircuitOpen:
    with pytest.raises(CircuitOpen) as caught:
        await breakers.admit(key)
    return caught.value


async def opened(breakers: Breakers) -> None:
    """Open the breaker, and share that."""
    await call(breakers, "----")
    await breakers.tick()


async def test_it_opens_when_the_failure_rate_is_reached(breakers: Breakers) -> None:
    await call(breakers, "++--")

    error = await refused(breakers)

    assert error.retry_after == OPEN_FOR
    assert "nothing was sent" in str(error)


async def test_it_stays_closed_below_the_rate(breakers: Breakers) -> None:
    await call(breakers, "+++--" * 10)

    assert isinstance(await breakers.admit(KEY), Permit)


async def test_it_stays_closed_before_the_minimum_of_calls(breakers: Breakers) -> None:
    await call(breakers, "---")

    assert isinstance(await breakers.admit(KEY), Permit)


async def test_a_success_among_failures_does_not_reset_the_count(breakers: Breakers) -> None:
    await call(breakers, "--+-")

    await refused(breakers)


async def test_old_failures_leave_the_window(breakers: Breakers, clock: FakeClock) -> None:
    await call(breakers, "---")
    clock.advance(timedelta(seconds=61))

    await call(breakers, "-++")

    assert isinstance(await breakers.admit(KEY), Permit)


async def test_keys_do_not_share_their_fate(breakers: Breakers) -> None:
    await call(breakers, "----")

    assert isinstance(await breakers.admit("connection:mail"), Permit)


async def test_an_abandoned_call_counts_neither_way(breakers: Breakers) -> None:
    await call(breakers, "--" + "x" * 50 + "-")

    assert isinstance(await breakers.admit(KEY), Permit)


async def test_a_second_report_on_one_call_is_ignored(breakers: Breakers) -> None:
    permit = await breakers.admit(KEY)

    for _ in range(10):
        permit.failure()

    assert isinstance(await breakers.admit(KEY), Permit)


async def test_after_its_time_one_caller_probes_and_the_others_wait(breakers: Breakers, clock: FakeClock) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)

    probe = await breakers.admit(KEY)
    error = await refused(breakers)

    assert probe.prober is not None
    assert error.retry_after is not None
    assert error.retry_after <= timedelta(seconds=5)


async def test_one_caller_of_all_executors_probes(breakers: Breakers, others: Breakers, clock: FakeClock) -> None:
    await opened(breakers)
    await refused(others)
    clock.advance(OPEN_FOR)

    await breakers.admit(KEY)

    await refused(others)


async def test_a_probe_that_succeeds_closes_it_everywhere(
    breakers: Breakers, others: Breakers, clock: FakeClock
) -> None:
    await opened(breakers)
    await refused(others)
    clock.advance(OPEN_FOR)

    (await breakers.admit(KEY)).success()
    await breakers.tick()
    clock.advance(timedelta(seconds=1))

    assert (await breakers.admit(KEY)).prober is None
    assert (await others.admit(KEY)).prober is None


async def test_a_probe_that_fails_opens_it_for_as_long_again(breakers: Breakers, clock: FakeClock) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)

    (await breakers.admit(KEY)).failure()
    await breakers.tick()

    assert (await refused(breakers)).retry_after == OPEN_FOR


async def test_an_abandoned_probe_makes_room_for_another_at_once(breakers: Breakers, clock: FakeClock) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)

    (await breakers.admit(KEY)).abandon()

    assert (await breakers.admit(KEY)).prober is not None


async def test_the_probe_of_an_executor_that_died_is_replaced(
    breakers: Breakers, others: Breakers, clock: FakeClock
) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)
    await breakers.admit(KEY)

    clock.advance(timedelta(minutes=5))

    assert (await others.admit(KEY)).prober is not None


async def test_a_probe_that_was_replaced_has_no_say_any_more(
    breakers: Breakers, others: Breakers, clock: FakeClock
) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)
    late = await breakers.admit(KEY)
    clock.advance(timedelta(minutes=5))
    await others.admit(KEY)

    late.success()
    await breakers.tick()

    clock.advance(timedelta(seconds=1))
    await refused(others)
    await refused(breakers)


async def test_the_late_failure_of_a_replaced_probe_opens_nothing(
    breakers: Breakers, others: Breakers, clock: FakeClock
) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)
    late = await breakers.admit(KEY)
    clock.advance(timedelta(minutes=5))
    (await others.admit(KEY)).success()
    await others.tick()

    late.failure()
    await breakers.tick()

    assert (await breakers.admit(KEY)).prober is None


async def test_callers_that_ask_at_the_same_moment_send_one_probe_and_claim_it_once(
    breakers: Breakers, database: SwitchedDatabase, clock: FakeClock
) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)
    before = database.writes

    answers = await asyncio.gather(*(breakers.admit(KEY) for _ in range(5)), return_exceptions=True)

    assert [type(answer) for answer in answers].count(Permit) == 1
    assert [type(answer) for answer in answers].count(CircuitOpen) == 4
    assert database.writes == before + 1


async def test_calls_from_before_another_executor_opened_and_closed_it_do_not_count(
    breakers: Breakers, others: Breakers, clock: FakeClock
) -> None:
    early = [await others.admit(KEY) for _ in range(4)]
    await opened(breakers)
    clock.advance(timedelta(seconds=1))
    await others.admit(KEY)
    await others.tick()
    await refused(others)
    clock.advance(OPEN_FOR)
    (await breakers.admit(KEY)).success()
    await breakers.tick()
    assert (await others.admit(KEY)).prober is None

    for permit in early:
        permit.failure()

    assert (await others.admit(KEY)).prober is None


async def test_calls_from_before_it_opened_do_not_close_or_reopen_it(breakers: Breakers, clock: FakeClock) -> None:
    early = [await breakers.admit(KEY) for _ in range(20)]
    await opened(breakers)

    for permit in early[:10]:
        permit.success()
    await refused(breakers)
    clock.advance(OPEN_FOR)
    (await breakers.admit(KEY)).success()
    await breakers.tick()
    for permit in early[10:]:
        permit.failure()

    assert (await breakers.admit(KEY)).prober is None


async def test_it_starts_afresh_after_closing(breakers: Breakers, clock: FakeClock) -> None:
    await opened(breakers)
    clock.advance(OPEN_FOR)
    await call(breakers, "+")
    await breakers.tick()

    await call(breakers, "---")

    assert (await breakers.admit(KEY)).prober is None


async def test_an_executor_hears_within_a_second_that_another_opened_it(
    breakers: Breakers, others: Breakers, clock: FakeClock
) -> None:
    await call(others, "+")
    await opened(breakers)
    clock.advance(timedelta(seconds=1))

    await others.admit(KEY)
    await others.tick()

    await refused(others)


async def test_a_new_executor_asks_before_its_first_call(breakers: Breakers, others: Breakers) -> None:
    await opened(breakers)

    await refused(others)


async def test_two_executors_that_open_it_at_once_agree(breakers: Breakers, others: Breakers, clock: FakeClock) -> None:
    await call(breakers, "++--")
    clock.advance(timedelta(milliseconds=500))
    await call(others, "++--")

    await breakers.tick()
    await others.tick()

    assert (await refused(others)).retry_after == (await refused(breakers)).retry_after


async def test_a_closed_breaker_costs_no_transaction(breakers: Breakers, database: SwitchedDatabase) -> None:
    await call(breakers, "+")
    before = database.reads, database.writes

    await call(breakers, "+" * 1000)

    assert (database.reads, database.writes) == before


async def test_it_still_protects_while_the_database_is_away(
    breakers: Breakers, database: SwitchedDatabase, clock: FakeClock
) -> None:
    database.away = True
    await call(breakers, "----")

    await refused(breakers)
    clock.advance(OPEN_FOR)
    await refused(breakers)  # nobody can tell whether another executor probes


async def test_what_could_not_be_written_is_written_later(
    breakers: Breakers, others: Breakers, database: SwitchedDatabase
) -> None:
    database.away = True
    await call(breakers, "----")
    database.away = False

    await breakers.tick()

    await refused(others)


async def test_breakers_that_nobody_uses_are_forgotten(breakers: Breakers, clock: FakeClock) -> None:
    await call(breakers, "---")
    clock.advance(timedelta(minutes=11))

    await breakers.tick()
    await call(breakers, "-")

    assert isinstance(await breakers.admit(KEY), Permit)


async def test_in_the_background_it_writes_by_itself(
    breakers: Breakers, others: Breakers, database: SwitchedDatabase
) -> None:
    async with breakers:
        await call(breakers, "----")
        async with asyncio.timeout(5):
            while await stored(database) is None:
                await asyncio.sleep(0)

    await refused(others)


async def stored(database: SwitchedDatabase) -> JsonObject | None:
    async with database.read() as uow:
        return await uow.liveness.breaker(KEY)
