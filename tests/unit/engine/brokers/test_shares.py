"""Lanes share out executions: high first, none starves, and what one does not need the others get."""

from collections import Counter
from collections.abc import Sequence

import pytest

from engine.brokers.shares import Shares
from engine.model.workflow import Lane


def take(shares: Shares, ready: Sequence[Lane], turns: int, *, sizes: dict[Lane, int] | None = None) -> list[Lane]:
    """Take so many messages, of one execution each unless said otherwise."""
    taken = []
    for _ in range(turns):
        lane = shares.next_lane(ready)
        assert lane is not None
        shares.took(lane, (sizes or {}).get(lane, 1))
        taken.append(lane)
    return taken


def test_of_seven_executions_four_are_high_two_normal_and_one_low() -> None:
    turns = Counter(take(Shares(), list(Lane), 70))

    assert turns == {Lane.HIGH: 40, Lane.NORMAL: 20, Lane.LOW: 10}


def test_a_full_high_lane_leaves_the_low_one_its_share() -> None:
    turns = Counter(take(Shares(), [Lane.HIGH, Lane.LOW], 50))

    assert turns == {Lane.HIGH: 40, Lane.LOW: 10}


def test_large_messages_of_one_lane_do_not_starve_another() -> None:
    sizes = {Lane.HIGH: 32, Lane.LOW: 1}

    turns = Counter(take(Shares(), [Lane.HIGH, Lane.LOW], 900, sizes=sizes))

    assert turns[Lane.LOW] == pytest.approx(turns[Lane.HIGH] * 32 / 4, rel=0.02)


@pytest.mark.parametrize("lane", Lane)
def test_a_lane_that_is_alone_has_every_turn(lane: Lane) -> None:
    assert take(Shares(), [lane], 7) == [lane] * 7


def test_a_share_that_a_lane_does_not_need_is_divided_among_the_others() -> None:
    turns = Counter(take(Shares(), [Lane.NORMAL, Lane.LOW], 30))

    assert turns == {Lane.NORMAL: 20, Lane.LOW: 10}


def test_a_lane_that_had_nothing_to_take_saves_nothing_up() -> None:
    shares = Shares()
    take(shares, [Lane.LOW], 100)

    turns = Counter(take(shares, [Lane.HIGH, Lane.LOW], 50))

    assert turns[Lane.LOW] == pytest.approx(10, abs=1)


def test_a_high_message_that_comes_while_others_wait_is_next() -> None:
    shares = Shares()
    take(shares, [Lane.NORMAL, Lane.LOW], 5)

    assert shares.next_lane(list(Lane)) is Lane.HIGH


def test_nobody_has_a_turn_when_nothing_waits() -> None:
    assert Shares().next_lane([]) is None
