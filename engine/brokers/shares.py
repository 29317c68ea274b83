"""Which lane goes next when several have messages: higher lanes first, but no lane starves.

What is shared out are executions, not messages: one message may bring 32 of them and another one. A lane that has
nothing leaves its share to the others, and saves nothing up for later.
"""

from collections.abc import Container
from typing import Final

from engine.model.workflow import Lane

WEIGHTS: Final = {Lane.HIGH: 4, Lane.NORMAL: 2, Lane.LOW: 1}
"""While all lanes have messages, of every seven executions four are high, two normal and one low."""


class Shares:
    """The order of turns of one consumer: the lane that has had least for its weight is next."""

    def __init__(self) -> None:
        self._had = dict.fromkeys(Lane, 0.0)
        self._level = 0.0

    def next_lane(self, ready: Container[Lane]) -> Lane | None:
        """Return the lane to take from, out of those that are ready; ``None`` when none is.

        Of two that have had as much the higher one is next. Tell by ``took`` what the turn brought.
        """
        waiting = [lane for lane in Lane if lane in ready]
        return min(waiting, key=self._standing, default=None)

    def took(self, lane: Lane, count: int) -> None:
        """Count the executions of a message that was taken from a lane."""
        self._level = self._standing(lane)
        self._had[lane] = self._level + count / WEIGHTS[lane]

    def _standing(self, lane: Lane) -> float:
        """What a lane has had, or what the others have had meanwhile if it had nothing to take."""
        return max(self._had[lane], self._level)
