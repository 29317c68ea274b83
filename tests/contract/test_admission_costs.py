"""What admission costs: nothing for workflows that limit nothing, and no more for many events than for one."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from db.session import SqlDatabase
from db.transaction import Transaction
from db.unit_of_work import SqlUnitOfWork
from tests.hall import OWNER, Hall, open_hall

pytestmark = pytest.mark.contract


@asynccontextmanager
async def counted(database: SqlDatabase) -> AsyncIterator[tuple[SqlUnitOfWork, Callable[[], int]]]:
    """A unit of work, and how many statements it has run."""
    count = 0
    async with database.write() as uow:
        transaction: Transaction = uow.transaction

        def counting(method: Callable[..., Any]) -> Callable[..., Any]:
            async def run(*arguments: Any, **more: Any) -> Any:
                nonlocal count
                count += 1
                return await method(*arguments, **more)

            return run

        for name in ("run", "fetch", "fetch_columns", "each"):
            setattr(transaction, name, counting(getattr(transaction, name)))
        yield uow, lambda: count


async def statements(hall: Hall, database: SqlDatabase, events: int) -> int:
    async with counted(database) as (uow, count):
        new = [hall.parts.event(hall.trigger, {"key": n % 7}) for n in range(events)]
        await hall.parts.intake.accept_in(uow, new)
        found = count()
        await uow.commit()
    return found


async def test_without_limits_accepting_and_claiming_runs_the_statements_it_always_ran(database: SqlDatabase) -> None:
    async with open_hall(database, "") as hall:
        await statements(hall, database, 1)  # the route is cached from now on
        accepting = [await statements(hall, database, count) for count in (1, 30)]
        ready = await hall.ready()
        async with counted(database) as (uow, count):
            await uow.executions.claim(ready, owner=OWNER, now=hall.clock.now())
            claiming = count()

    postgres = uow.transaction.postgres
    assert accepting == ([3, 3] if postgres else [4, 4]), "the stamp, the events, the executions"
    assert claiming == (1 if postgres else 2)


async def test_with_a_limit_the_statements_do_not_grow_with_the_events(database: SqlDatabase) -> None:
    async with open_hall(database, 'concurrency: {key: "{{ trigger.data.key }}", limit: 3}') as hall:
        await statements(hall, database, 1)

        accepting = [await statements(hall, database, count) for count in (1, 30)]

    assert max(accepting) - min(accepting) <= 1, accepting
    assert max(accepting) <= 6, "a lock and a look more"
