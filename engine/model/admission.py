"""When an accepted event's execution may begin: the rules a workflow sets, and where an execution waits for them.

An execution passes up to three gates, in this order: ``collect`` (debounce or batch: events become one execution),
``slot`` (concurrency: how many are alive at once) and ``rate`` (throttle: how many begin in a period). Where it waits
is a column of its row, so nothing is lost or leaked whatever dies.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from engine.model.base import Json

MAX_MERGED = 1000
"""The most events of one batch, and the most whose data one merged execution sees as a list."""


class Stage(StrEnum):
    """The gates, in the order in which an execution passes them."""

    COLLECT = "collect"
    SLOT = "slot"
    RATE = "rate"


WAIT_REASONS = {Stage.SLOT: "concurrency", Stage.RATE: "throttle"}
"""Why an execution waits, as it is shown; for ``collect`` see ``AdmissionRules.collect_reason``."""


class Mode(StrEnum):
    """What becomes of an event that finds no free slot."""

    PARALLEL = "parallel"
    QUEUE = "queue"
    SKIP = "skip"
    RESTART = "restart"
    COALESCE = "coalesce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """At most ``limit`` executions alive per key. ``key`` is a template; ``None``: one key for the whole workflow."""

    limit: int = 1
    mode: Mode = Mode.QUEUE
    key: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """At most ``limit`` executions of a key begin within any ``per``."""

    limit: int
    per: timedelta
    key: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debounce:
    """One execution once no event of the key has come for ``quiet``, at the latest ``longest`` after the first one."""

    quiet: timedelta
    longest: timedelta | None = None
    key: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One execution for up to ``size`` events of a key, at the latest ``wait`` after the first one."""

    size: int
    wait: timedelta
    key: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRules:
    """What a version says about it. At most one of ``debounce`` and ``batch`` is set."""

    concurrency: Concurrency | None = None
    throttle: Throttle | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None

    @property
    def collects(self) -> bool:
        """Whether several events become one execution before it asks for a slot."""
        return self.debounce is not None or self.batch is not None

    @property
    def gated(self) -> bool:
        """Whether executions have to pass a gate at all."""
        return self.collects or self.concurrency is not None or self.throttle is not None

    def has(self, stage: Stage) -> bool:
        """Whether there is a gate of this stage."""
        match stage:
            case Stage.COLLECT:
                return self.collects
            case Stage.SLOT:
                return self.concurrency is not None
            case _:
                return self.throttle is not None

    @property
    def collect_reason(self) -> str:
        """Why an execution waits at ``collect``, as it is shown."""
        return "batch" if self.batch is not None else "debounce"


OPEN = AdmissionRules()
"""No gates: an execution may begin as soon as it is stored."""
