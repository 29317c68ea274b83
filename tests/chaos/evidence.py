"""What is left when all is over: what the sender knows, what the echo server saw, what the database holds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from db.session import open_database
from db.vault import Vault
from engine.model.base import TriggerId
from engine.ports import Clock
from tests.chaos.faults import Fault
from tests.chaos.sending import Accepted
from tests.services.probes import plain

OPEN = "select status, count(*) from executions where status not in ('succeeded', 'failed', 'cancelled') group by 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One line of the witness."""

    at: float
    path: str
    key: str
    id: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution with the sender's id of the event that started it. ``error`` is JSON text."""

    id: str
    event_id: str
    sender_id: str
    status: str
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One execution that a step of another started."""

    id: str
    parent_id: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One recorded attempt."""

    execution_id: str
    path: str
    attempt: int
    seq: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of it. ``strays`` are started events without their execution; ``differences`` the balance by trigger."""

    accepted: Sequence[Accepted] = ()
    faults: Sequence[Fault] = ()
    calls: Sequence[Call] = ()
    runs: Sequence[Run] = ()
    children: Sequence[Child] = ()
    steps: Sequence[Step] = ()
    strays: Sequence[str] = ()
    dead_letters: Sequence[str] = ()
    differences: Mapping[str, int] = field(default_factory=dict)


def read_witness(path: Path) -> list[Call]:
    """Read the echo server's file."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Call(at=entry["at"], path=entry["path"], key=entry["key"], id=entry["id"], status=entry["status"])
        for entry in entries
    ]


async def still_open(database_url: str) -> dict[str, int]:
    """Count the executions that are not at their end, by status."""
    connection = await asyncpg.connect(plain(database_url), timeout=10)
    try:
        return {row[0]: row[1] for row in await connection.fetch(OPEN, timeout=10)}
    finally:
        await connection.close()


async def read_database(database_url: str) -> tuple[list[Run], list[Child], list[Step], list[str], list[str]]:
    """Return executions, their children, steps, strays and dead letters, read past our own code."""
    connection = await asyncpg.connect(plain(database_url), timeout=10)
    try:
        runs = await connection.fetch(
            "select x.id, x.event_id, e.dedupe_key, x.status, x.error from executions x join events e on e.id = x.event_id "
            "where x.parent_id is null"
        )
        children = await connection.fetch("select id, parent_id, status from executions where parent_id is not null")
        steps = await connection.fetch("select execution_id, path, attempt, seq, status from steps")
        strays = await connection.fetch(
            "select e.id from events e left join executions x on x.id = e.execution_id and x.event_id = e.id "
            "where e.fate = 'started' and x.id is null and e.envelope not like '%\"parent\"%'"
        )
        letters = await connection.fetch("select execution_id, step, code, message from dead_letters")
    finally:
        await connection.close()
    return (
        [Run(id=str(row[0]), event_id=str(row[1]), sender_id=row[2], status=row[3], error=str(row[4])) for row in runs],
        [Child(id=str(row[0]), parent_id=str(row[1]), status=row[2]) for row in children],
        [Step(execution_id=str(row[0]), path=row[1], attempt=row[2], seq=row[3], status=row[4]) for row in steps],
        [str(row[0]) for row in strays],
        [" ".join(map(str, row.values())) for row in letters],
    )


async def read_balances(database_url: str, *, key: str, clock: Clock) -> dict[str, int]:
    """Return the difference that the hub itself shows for every trigger."""
    connection = await asyncpg.connect(plain(database_url), timeout=10)
    try:
        triggers = [str(row[0]) for row in await connection.fetch("select id from triggers")]
    finally:
        await connection.close()
    async with open_database(database_url, vault=Vault([key]), clock=clock) as database, database.read() as uow:
        return {each: (await uow.executions.balance(TriggerId(each))).difference for each in triggers}
