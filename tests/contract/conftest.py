"""What the contract tests of databases share.

Tables are made once per run and emptied for each test, because making them takes longest.
"""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from db.migrate import migrate
from db.session import SqlDatabase
from db.tables import metadata
from tests.contract.database_kits import DATABASES, Sample, open_databases
from tests.services import Found
from tests.services.probes import create_database, drop_database, from_sync, plain

KEPT = ("projects", "stamps")
END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
DELETES = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables) if table.name not in KEPT]


@pytest.fixture(scope="session")
def migrated_postgresql(postgres: Found) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    url = f"{postgres.url.rpartition('/')[0]}/{name}"
    create_database(postgres.url, name)
    from_sync(_migrate(url))
    yield url
    drop_database(postgres.url, name)


@pytest.fixture
def migrated_postgresql_url(migrated_postgresql: str) -> str:
    """The run's database, empty but for its first rows; sessions that a failed test left in it are ended."""
    from_sync(_empty(migrated_postgresql))
    return migrated_postgresql


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "patchbay.db"
    from_sync(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh copy of the run's file."""
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'patchbay.db')}"


@pytest.fixture(params=DATABASES)
async def databases(request: pytest.FixtureRequest) -> AsyncIterator[Sequence[SqlDatabase]]:
    """The same database, as two processes see it: SQLite, then PostgreSQL."""
    async with open_databases(request, count=2) as opened:
        yield opened


@pytest.fixture
def database(databases: Sequence[SqlDatabase]) -> SqlDatabase:
    return databases[0]


@pytest.fixture
def sample() -> Sample:
    return Sample()


async def _migrate(url: str) -> None:
    await migrate(url)


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(plain(url), timeout=30)
    await connection.execute(";".join([END_OTHERS, *DELETES, "UPDATE stamps SET value = 1"]))
    await connection.close()
