"""What the tests of triggers share: a clock that stands still and a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeClock, SwitchedDatabase, sqlite_database


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def database(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SwitchedDatabase]:
    async with sqlite_database(tmp_path, clock) as database:
        yield database
