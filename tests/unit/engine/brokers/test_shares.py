"""Lanes take turns: high first, none starves."""

from collections import Counter

import pytest

from engine.brokers.shares import TURNS, Shares
from engine.model.workflow import Lane


def test_of_seven_turns_four_are_high_two_normal_and_one_low() -> None:
    shares = Shares()

    turns = Counter(shares.next_lane(list(Lane)) for _ in range(70))

    assert turns == {Lane.HIGH: 40, Lane.NORMAL: 20, Lane.LOW: 10}


@pytest.mark.parametrize("lane", Lane)
def test_a_lane_that_is_alone_has_every_turn(lane: Lane) -> None:
    shares = Shares()

    assert [shares.next_lane([lane]) for _ in TURNS] == [lane] * len(TURNS)


def test_a_turn_that_its_lane_does_not_need_goes_to_the_highest() -> None:
    shares = Shares()

    assert {shares.next_lane([Lane.NORMAL, Lane.LOW]) for _ in range(3)} == {Lane.NORMAL}
    assert shares.next_lane([Lane.NORMAL, Lane.LOW]) is Lane.LOW


def test_nobody_has_a_turn_when_nothing_waits() -> None:
    assert Shares().next_lane([]) is None
