"""What every broker must do with signals."""

from collections.abc import AsyncIterator, Sequence

import pytest

from engine.ports import Broker, Signal
from tests.contract.broker_kits import BROKERS, hear, nothing_comes, open_brokers

pytestmark = pytest.mark.contract


@pytest.fixture(params=BROKERS)
async def brokers(request: pytest.FixtureRequest) -> AsyncIterator[Sequence[Broker]]:
    async with open_brokers(request, count=2) as opened:
        yield opened


async def test_a_signal_reaches_every_listener_of_its_topic(brokers: Sequence[Broker]) -> None:
    one, two = brokers
    async with one.signals("done.7") as here, two.signals("done.*") as there, two.signals("#") as all_of_them:
        await one.signal("done.7", b"\x00body")

        for listener in (here, there, all_of_them):
            assert await hear(listener) == [Signal("done.7", b"\x00body")]


async def test_a_signal_reaches_no_listener_of_another_topic(brokers: Sequence[Broker]) -> None:
    one, two = brokers
    async with one.signals("done.7") as here, two.signals("started.*") as there:
        await two.signal("done.8", b"")
        await two.signal("done.7", b"mine")

        assert await hear(here) == [Signal("done.7", b"mine")]
        assert await nothing_comes(there)


@pytest.mark.parametrize(
    ("pattern", "heard"),
    [
        ("a.b", {"a.b"}),
        ("a.*", {"a.b", "a.c"}),
        ("*.b", {"a.b"}),
        ("a.#", {"a", "a.b", "a.c", "a.b.c"}),
        ("#.c", {"a.c", "a.b.c"}),
        ("a.#.c", {"a.c", "a.b.c"}),
        ("*", {"a"}),
        ("#", {"a", "a.b", "a.c", "a.b.c"}),
        ("*.*", {"a.b", "a.c"}),
    ],
)
async def test_stars_stand_for_one_word_and_hashes_for_any_number(
    brokers: Sequence[Broker], pattern: str, heard: set[str]
) -> None:
    one, two = brokers
    async with one.signals(pattern, "end") as listener:
        for topic in ("a", "a.b", "a.c", "a.b.c", "end"):
            await two.signal(topic, b"")

        topics = [(await hear(listener))[0].topic for _ in range(len(heard) + 1)]

        assert sorted(topics) == sorted([*heard, "end"])
        assert await nothing_comes(listener)


async def test_a_topic_that_two_patterns_cover_is_heard_once(brokers: Sequence[Broker]) -> None:
    async with brokers[0].signals("a.*", "a.#", "*.b") as listener:
        await brokers[1].signal("a.b", b"1")

        assert await hear(listener) == [Signal("a.b", b"1")]
        assert await nothing_comes(listener)


async def test_signals_of_one_topic_keep_their_order_and_their_bodies(brokers: Sequence[Broker]) -> None:
    bodies = [b"", b"\x00" * 3, *(str(number).encode() for number in range(500)), b"x" * 200_000, b"last"]
    async with brokers[0].signals("reply.*") as listener:
        for body in bodies:
            await brokers[1].signal("reply.1", body)

        assert [signal.body for signal in await hear(listener, len(bodies))] == bodies


async def test_a_signal_that_nobody_hears_is_fine(brokers: Sequence[Broker]) -> None:
    await brokers[0].signal("nobody.listens", b"lost")

    async with brokers[0].signals("#") as listener:
        await brokers[0].signal("somebody.listens", b"")
        assert [signal.topic for signal in await hear(listener)] == ["somebody.listens"]


@pytest.mark.parametrize("topic", ["", "w" * 256])
async def test_a_topic_no_broker_could_carry_is_refused(brokers: Sequence[Broker], topic: str) -> None:
    with pytest.raises(ValueError, match="must have 1 to 255 bytes"):
        await brokers[0].signal(topic, b"")
    with pytest.raises(ValueError, match="must have 1 to 255 bytes"):
        async with brokers[0].signals(topic):
            pass


async def test_the_iterator_ends_with_its_context(brokers: Sequence[Broker]) -> None:
    async with brokers[0].signals("#") as listener:
        pass

    assert [signal async for signal in listener] == []
