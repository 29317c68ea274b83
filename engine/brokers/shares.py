"""Which lane goes next when several have messages: higher lanes first, but no lane starves."""

import itertools
from collections.abc import Container
from typing import Final

from engine.model.workflow import Lane

# While all lanes have messages, of every seven messages four are high, two normal and one low.
TURNS: Final = (Lane.HIGH, Lane.NORMAL, Lane.HIGH, Lane.LOW, Lane.HIGH, Lane.NORMAL, Lane.HIGH)


class Shares:
    """The order of turns of one consumer."""

    def __init__(self) -> None:
        self._turns = itertools.cycle(TURNS)

    def next_lane(self, ready: Container[Lane]) -> Lane | None:
        """Return the lane to take from, out of those that are ready; ``None`` when none is."""
        favourite = next((lane for lane in Lane if lane in ready), None)
        if favourite is None:
            return None
        turn = next(self._turns)
        return turn if turn in ready else favourite
