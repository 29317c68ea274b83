"""What the tests of the housekeeping share: a clock that stands still, a real database, a workflow in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeBroker, FakeClock, RecordingAnnouncements, SwitchedDatabase, sqlite_database
from tests.stored import Stored, store
from tests.unit.engine.hub import Parts


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def database(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SwitchedDatabase]:
    async with sqlite_database(tmp_path, clock) as database:
        yield database


@pytest.fixture
async def stored(database: SwitchedDatabase, clock: FakeClock) -> Stored:
    return await store(database, clock, {"name": "stored"})


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def announcements() -> RecordingAnnouncements:
    return RecordingAnnouncements()


@pytest.fixture
async def parts(
    database: SwitchedDatabase, clock: FakeClock, announcements: RecordingAnnouncements
) -> AsyncIterator[Parts]:
    made = Parts(database, clock, announcements)
    async with made.intake.commits:
        yield made
