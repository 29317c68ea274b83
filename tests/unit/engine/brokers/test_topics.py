"""Patterns, and what a listener that reads too slowly loses."""

import logging

import pytest

from engine.brokers.inprocess import InProcessBroker
from engine.brokers.topics import SignalQueue, matches
from engine.ports import Signal


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.bc", False),
        ("a.b", "axb", False),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("*", "a", True),
        ("#", "a.b.c", True),
        ("a.#", "a", True),
        ("a.#", "ab", False),
        ("#.z", "z", True),
        ("a.#.z", "a.z", True),
        ("a.#.#.z", "a.b.c.z", True),
        ("a.#.*", "a", False),
        ("*.#.*", "a.b", True),
    ],
)
def test_a_pattern_covers_a_topic(pattern: str, topic: str, expected: bool) -> None:
    assert matches(pattern, topic) is expected


def test_many_hashes_stay_quick() -> None:
    assert not matches(".".join(["#"] * 60 + ["end"]), ".".join(["word"] * 40))


async def test_a_full_queue_loses_the_oldest_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    queue = SignalQueue(size=2)

    with caplog.at_level(logging.WARNING):
        for number in range(6):
            queue.put(Signal("n", str(number).encode()))

    assert [(await anext(queue)).body for _ in range(2)] == [b"4", b"5"]
    assert queue.lost == 4
    assert [record.__dict__["lost"] for record in caplog.records] == [1, 2, 4]


async def test_a_slow_listener_does_not_hold_up_the_others() -> None:
    broker = InProcessBroker(max_waiting_signals=2)
    async with broker.signals("#") as slow, broker.signals("#") as quick:
        heard = []
        for number in range(5):
            await broker.signal("n", bytes([number]))
            heard.append((await anext(quick)).body)

        assert heard == [bytes([number]) for number in range(5)]
        assert [(await anext(slow)).body for _ in range(2)] == [b"\3", b"\4"]
