"""What the metrics show of the database and the broker, read at most once per interval whoever asks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine.errors import Unavailable
from engine.model.base import DEFAULT_PROJECT
from engine.model.execution import Status
from engine.model.trigger import Balance
from engine.model.workflow import Lane
from engine.ports import Broker, Clock, Database
from engine.repositories import StoredRoute

TOTALS_EVERY = timedelta(seconds=1)
BALANCES_EVERY = timedelta(seconds=15)
"""A balance counts all events of a trigger, so it is read less often."""

SPARING = 20
"""And so rarely that reading balances takes at most one part in so many of the time."""

MOST_TRIGGERS = 200
"""How many triggers have a balance in the metrics; the API has those of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerBalance:
    """One trigger's balance, with the names that people know it by."""

    workflow: str
    trigger: str
    balance: Balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The figures at one moment. Those of a part that is away, or was not asked, are missing."""

    totals: Mapping[Status, int] = field(default_factory=dict)
    depths: Mapping[Lane, int] = field(default_factory=dict)
    balances: tuple[TriggerBalance, ...] = ()
    database_is_up: bool | None = None
    broker_is_up: bool | None = None


class Readings:
    """Reads figures and keeps them for a moment."""

    def __init__(self, *, database: Database, broker: Broker, clock: Clock) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._lock = asyncio.Lock()
        self._reading = Reading()
        self._read_at: datetime | None = None
        self._balances: tuple[TriggerBalance, ...] = ()
        self._balances_due_at = datetime.min.replace(tzinfo=UTC)

    async def get(self) -> Reading:
        """The newest figures; never raises for a part that is away."""
        async with self._lock:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at >= TOTALS_EVERY:
                self._reading = await self._read(now)
                self._read_at = now
            return self._reading

    async def _read(self, now: datetime) -> Reading:
        totals: Mapping[Status, int] = {}
        depths: Mapping[Lane, int] = {}
        try:
            async with self._database.read() as uow:
                totals = await uow.executions.totals()
            if now >= self._balances_due_at:
                self._balances = await self._read_balances()
                took = self._clock.now() - now
                self._balances_due_at = now + max(BALANCES_EVERY, took * SPARING)
            database_is_up = True
        except Unavailable:
            database_is_up = False
        try:
            depths = {lane: await self._broker.depth(lane) for lane in Lane}
            broker_is_up = True
        except Unavailable:
            broker_is_up = False
        return Reading(
            totals=totals,
            depths=depths,
            balances=self._balances if database_is_up else (),
            database_is_up=database_is_up,
            broker_is_up=broker_is_up,
        )

    async def _read_balances(self) -> tuple[TriggerBalance, ...]:
        async with self._database.read() as uow:
            routes = [route for route in await uow.triggers.list(DEFAULT_PROJECT) if route.trigger.active]
        return tuple([await self._balance(route) for route in routes[:MOST_TRIGGERS]])

    async def _balance(self, route: StoredRoute) -> TriggerBalance:
        async with self._database.read() as uow:
            balance = await uow.executions.balance(route.trigger.id)
        return TriggerBalance(workflow=route.workflow_name, trigger=route.trigger.key, balance=balance)
