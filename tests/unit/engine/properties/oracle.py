"""What calls come to: always the same for the same path and attempt, whenever and however often it is asked."""

import random
from dataclasses import dataclass
from typing import Final

from engine.errors import Category
from engine.model.base import JsonObject

BUSY: Final = "busy"
LONGEST_PAUSE: Final = 3


@dataclass(frozen=True, slots=True)
class Oracle:
    """``trouble`` is how likely a call fails for good, from 0 to 1."""

    seed: int
    trouble: float = 0.15

    def _dice(self, path: str) -> random.Random:
        return random.Random(f"{self.seed} {path}")

    def data(self) -> JsonObject:
        """What the trigger brings."""
        return self.output("trigger")

    def output(self, path: str) -> JsonObject:
        """What a call gives that succeeds. Later passes of a cycle say no sooner or later."""
        dice = self._dice(path)
        late = path.rpartition("#")[2] in ("3", "4", "5")
        return {"yes": not late and dice.random() < 0.6, "more": dice.random() < 0.5, "at": path}

    def failures(self, path: str) -> list[Category]:
        """How the first attempts at a call fail; the one after them succeeds."""
        dice = self._dice(f"failures {path}")
        if dice.random() < self.trouble:
            return [Category.PERMANENT] * 5
        return [Category.TRANSIENT] * dice.choice((0, 0, 0, 1, 2))

    def is_unknown(self, path: str) -> bool:
        """Whether nobody can tell what became of a call."""
        return self._dice(f"unknown {path}").random() < self.trouble / 5

    def waits_first(self, path: str) -> bool:
        """Whether a call has to wait for its turn."""
        return self._dice(f"wait {path}").random() < 0.1

    def turns(self, path: str) -> int:
        """How many turns of the event loop a call takes."""
        return self._dice(f"turns {path}").randint(0, LONGEST_PAUSE)

    def failure_of(self, path: str, attempt: int) -> Category | None:
        """How an attempt fails; ``None``: it succeeds."""
        failures = self.failures(path)
        return failures[attempt - 1] if attempt <= len(failures) else None
