"""What goes wrong and when: a plan drawn from a seed, and its execution. Every fault is noted with its times."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.fleet import Member
from tests.integration.tcp_proxy import Proxy
from tests.services import PrivateServer

LEAST = 10
EVERY_SECONDS = 4.0
LONGEST_ABSENCE = 2.0
FROZEN_SECONDS = 20.0
"""Longer than an executor may be silent, so that others get its work while it still believes to own it."""

SKEW = 40.0
"""By how many seconds a clock is wrong at most, either way: more than an executor may be silent."""

SKEWED_SECONDS = 4.0

LONG_SECONDS = 100.0
"""Load of this length and more has freezes as well, which take too long for a short one."""


class Kind(StrEnum):
    KILL_EXECUTOR = "kill executor"
    KILL_GATEWAY = "kill gateway"
    KILL_SCHEDULER = "kill scheduler"
    RESTART_BROKER = "restart broker"
    KILL_BROKER = "kill broker"
    RESTART_DATABASE = "restart database"
    KILL_DATABASE = "kill database"
    CUT_BROKER = "cut broker"
    CUT_DATABASE = "cut database"
    SKEW_EXECUTOR = "skew executor"
    SKEW_SCHEDULER = "skew scheduler"
    FREEZE_EXECUTOR = "freeze executor"


ALWAYS = tuple(kind for kind in Kind if kind is not Kind.FREEZE_EXECUTOR)
EXTRA = (Kind.KILL_EXECUTOR, Kind.KILL_EXECUTOR, Kind.KILL_GATEWAY, Kind.CUT_DATABASE)
"""What happens more often than once per round of all kinds."""


SKEWS = frozenset({Kind.SKEW_EXECUTOR, Kind.SKEW_SCHEDULER})
CUTS = frozenset({Kind.CUT_BROKER, Kind.CUT_DATABASE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """``after`` is in seconds from the start of the load, ``absence`` until the process is started again."""

    after: float
    kind: Kind
    absence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault as it happened, in seconds of the Unix clock: from the signal until the process was started again."""

    kind: Kind
    target: str
    began: float
    ended: float


def plan(seconds: float, chance: random.Random) -> tuple[Planned, ...]:
    """Draw a plan for ``seconds`` of load: every kind at least once, at least ``LEAST`` faults, in random order."""
    count = max(LEAST, round(seconds / EVERY_SECONDS))
    each = [*(Kind if seconds >= LONG_SECONDS else ALWAYS), *EXTRA]
    kinds = list(each)
    while len(kinds) < count:
        kinds += each
    chance.shuffle(kinds)
    times = sorted(chance.uniform(2.0, max(seconds - 1.0, 3.0)) for _ in kinds)
    return tuple(
        Planned(after=after, kind=kind, absence=chance.choice((0.0, chance.uniform(0, LONGEST_ABSENCE))))
        for after, kind in zip(times, kinds, strict=True)
    )


@dataclass(kw_only=True)
class Havoc:
    """Carries out a plan on the hub's processes, its two servers and the connections to them.

    Different targets may be away at once.
    """

    members: Mapping[str, Member]
    broker: PrivateServer
    database: PrivateServer
    chance: random.Random
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    happened: list[Fault] = field(default_factory=list)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def wreak(self, planned: Sequence[Planned]) -> None:
        """Return when every fault of the plan is over."""
        start = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for fault in planned:
                group.create_task(self._at(start + fault.after, fault))

    async def _at(self, due: float, fault: Planned) -> None:
        await asyncio.sleep(max(due - time.monotonic(), 0))
        target = self._target(fault.kind)
        async with self._locks.setdefault(target, asyncio.Lock()):
            began = time.time()
            if fault.kind is Kind.FREEZE_EXECUTOR:
                self.members[target].freeze()
                await asyncio.sleep(FROZEN_SECONDS)
                self.members[target].thaw()
            elif fault.kind in SKEWS:
                self.members[target].set_clock(self.chance.choice((-SKEW, SKEW)))
                await asyncio.sleep(SKEWED_SECONDS)
                self.members[target].set_clock(0)
            elif fault.kind in CUTS:
                self.proxies[target].cut()
            elif target in self.members:
                await self.members[target].kill()
                began = time.time()
                await asyncio.sleep(fault.absence)
                await self.members[target].start()
            else:
                server = self.broker if target == "broker" else self.database
                kill = fault.kind in {Kind.KILL_BROKER, Kind.KILL_DATABASE}
                await asyncio.to_thread(server.restart, kill=kill)
            self.happened.append(Fault(kind=fault.kind, target=target, began=began, ended=time.time()))

    def _target(self, kind: Kind) -> str:
        name = kind.value.rpartition(" ")[2]
        own = [member for member in self.members if member.startswith(name)]
        return self.chance.choice(own) if own else name
