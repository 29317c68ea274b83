"""What is counted is what the database holds, whatever anybody answered."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks import counting
from benchmarks.counting import count, wait_until_idle
from benchmarks.figures import Counts
from db.migrate import migrate
from db.tables import events, executions
from engine.model.base import DEFAULT_PROJECT, new_id

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def url(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(counting, "LOOK_EVERY_SECONDS", 0)
    asyncio.run(migrate(sqlite_url))
    return sqlite_url


def store(url: str, *statuses: str | None, finished_at: datetime | None = None) -> None:
    """Store an event for each status, with an execution in that status, or with none."""
    asyncio.run(_store(url, [(new_id(), status) for status in statuses], finished_at))


async def _store(url: str, pairs: list[tuple[str, str | None]], finished_at: datetime | None) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for event_id, status in pairs:
            await connection.execute(events.insert().values(an_event(event_id)))
            if status is not None:
                await connection.execute(executions.insert().values(an_execution(event_id, status, finished_at)))
    await engine.dispose()


def an_event(event_id: str) -> dict[str, Any]:
    ids = {"project_id": DEFAULT_PROJECT, "workflow_id": new_id(), "trigger_id": new_id()}
    return {"id": event_id, **ids, "occurred_at": AT, "accepted_at": AT, "fate": "started"}


def an_execution(event_id: str, status: str, finished_at: datetime | None) -> dict[str, Any]:
    ids = {"project_id": DEFAULT_PROJECT, "workflow_id": new_id(), "version_id": new_id(), "event_id": event_id}
    times = dict.fromkeys(("created_at", "queued_at", "woken_at", "deadline_at"), AT)
    state = {"status": status, "lane": "normal", "epoch": 1, "trigger_key": "hook", "finished_at": finished_at}
    return {"id": new_id(), **ids, **times, **state}


def test_an_empty_database_has_nothing(url: str) -> None:
    assert count(url) == Counts()


def test_executions_are_counted_by_how_they_ended(url: str) -> None:
    store(url, "succeeded", "succeeded", "failed", "cancelled", "running", "queued", "waiting")

    counts = count(url)

    assert (counts.events, counts.executions) == (7, 7)
    assert (counts.succeeded, counts.ended_otherwise, counts.unfinished) == (2, 2, 3)


def test_an_event_without_its_execution_is_an_orphan(url: str) -> None:
    store(url, "succeeded", None, None)

    assert count(url).orphans == 2


def test_the_last_finish_is_an_aware_time(url: str) -> None:
    store(url, "succeeded", finished_at=AT)
    store(url, "succeeded", finished_at=AT + timedelta(seconds=3))

    assert count(url).last_finished_at == AT + timedelta(seconds=3)


def test_a_hub_with_nothing_left_to_do_is_idle(url: str) -> None:
    store(url, "succeeded", "failed")

    assert wait_until_idle(url) == 0


@pytest.mark.parametrize("status", ["queued", "running", "waiting"])
def test_executions_that_never_end_are_told(url: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "STUCK_SECONDS", 0.02)
    store(url, "succeeded", status, status)

    assert wait_until_idle(url) == 2
