"""The schema's history on both databases: once, in order, safely by several processes, and checked at every start."""

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db.engines import PoolSizes, migration_engine, parse_url, writer_engine
from db.migrate import MIGRATIONS, migrate
from db.partitions import KEYS, Month
from db.schema import REVISIONS
from db.session import open_database
from db.tables import metadata
from db.vault import Vault
from engine.errors import ConfigurationError, Unavailable
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, new_id
from tests.contract.database_kits import DATABASES, KEY
from tests.fakes import FakeClock

UNDIVIDED, DIVIDED = "0014", "0015"
PARTITION = re.compile(r"(executions|steps|dead_letters)_(default|until_\d{4}_\d\d|\d{4}_\d\d)$")


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """A database without any table."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "database_url")
    return found


async def execute(url: str, *statements: str) -> list[object]:
    engine = writer_engine(parse_url(url), PoolSizes(write=1))
    found: list[object] = []
    async with engine.connect() as connection:
        for statement in statements:
            result = await connection.execute(text(statement))
            found += [tuple(row) for row in result] if result.returns_rows else []
    await engine.dispose()
    return found


async def migrate_to(url: str, revision: str) -> None:
    """Leave the database as an older release did."""

    def upgrade(connection: Connection) -> None:
        scripts = ScriptDirectory(str(MIGRATIONS))
        missing = {"fn": lambda found, _: scripts._upgrade_revs(revision, found), "script": scripts}
        connection.exec_driver_sql("BEGIN")
        context = MigrationContext.configure(connection, opts=missing)
        with Operations.context(context):
            context.run_migrations()
        connection.exec_driver_sql("COMMIT")

    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = migration_engine(parsed)
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


async def start(url: str, key: str = KEY) -> None:
    async with open_database(url, vault=Vault([key]), clock=FakeClock()) as database:
        await database.check()


async def test_migrating_twice_does_it_once(url: str) -> None:
    assert await migrate(url) == list(REVISIONS)
    assert await migrate(url) == []
    await start(url)


async def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    await migrate(url)

    def differences(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, kind, _: kind != "table" or not PARTITION.match(name or "")}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    engine = writer_engine(parse_url(url), PoolSizes(write=1))
    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert found == []


async def test_several_processes_may_migrate_at_once(url: str) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(migrate(url)) for _ in range(4)]

    assert sorted(len(task.result()) for task in tasks) == [0, 0, 0, len(REVISIONS)]
    await start(url)


async def test_there_is_a_project_from_the_first_migration_on(url: str) -> None:
    await migrate(url)

    [row] = await execute(url, "SELECT id, name FROM projects")

    assert [str(value) for value in row] == [DEFAULT_PROJECT, "default"]  # type: ignore[attr-defined]


async def test_a_database_without_tables_is_not_opened(url: str) -> None:
    with pytest.raises(Unavailable, match="no tables yet; run `patchbay migrate`"):
        await start(url)


async def test_an_older_schema_is_not_opened_and_then_brought_up_to_date(url: str) -> None:
    await migrate_to(url, "0002")

    with pytest.raises(Unavailable, match=r'"0002", older than .* run `patchbay migrate`'):
        await start(url)
    assert await migrate(url) == list(REVISIONS[2:])
    await start(url)


async def test_what_the_audit_log_says_about_publications_is_taken_over(url: str) -> None:
    await migrate_to(url, "0004")
    ids = {name: new_id() for name in ("workflow", "one", "two", "first", "second", "other")}
    workflow, project = ids["workflow"], DEFAULT_PROJECT
    at = f"'2026-01-01 00:00:00{'' if url.startswith('sqlite') else '+00'}'"
    acts = [("first", "publish", 1), ("second", "publish", 9), ("other", "save", 2)]
    await execute(
        url,
        "INSERT INTO workflows (id, project_id, name, status, latest, description, created_at, updated_at) "
        f"VALUES ('{workflow}', '{project}', 'w', 'active', 2, '', {at}, {at})",
        *(
            "INSERT INTO workflow_versions (id, project_id, workflow_id, number, text, document, hash, created_at, "
            f"created_by, note) VALUES ('{ids[name]}', '{project}', '{workflow}', {number}, '', '{{}}', '', {at}, '', '')"
            for number, name in enumerate(("one", "two"), start=1)
        ),
        *(
            "INSERT INTO audit_log (id, project_id, at, actor, action, target, details) VALUES "
            f"('{ids[name]}', '{project}', {at}, 'key:ann', 'workflow.{act}', '{workflow}', '{{\"version\"\\: {number}}}')"
            for name, act, number in acts
        ),
    )

    await migrate(url)

    found: list[Any] = await execute(url, "SELECT version_id, published_by FROM publications")
    assert [(str(version), by) for version, by in found] == [(ids["one"], "key:ann")]


async def test_a_later_releases_schema_is_used_and_not_touched(url: str) -> None:
    await migrate(url)
    await execute(url, "UPDATE alembic_version SET version_num = '9999'")

    await start(url)
    with pytest.raises(ConfigurationError, match='"9999"'):
        await migrate(url)
    assert await execute(url, "SELECT version_num FROM alembic_version") == [("9999",)]


async def test_another_applications_tables_are_not_opened(url: str) -> None:
    await migrate(url)
    await execute(url, "UPDATE alembic_version SET version_num = 'ae10f2'")

    with pytest.raises(Unavailable, match="another application"):
        await start(url)


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(url: str) -> None:
    await execute(url, "CREATE TABLE leases (name int)")

    with pytest.raises(Exception, match="leases"):
        await migrate(url)

    await execute(url, "DROP TABLE leases")
    assert await migrate(url) == list(REVISIONS)


async def test_the_directory_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a' / 'b' / 'patchbay.db'}"

    await migrate(url)

    await start(url)


def test_the_release_knows_its_own_migrations() -> None:
    files = sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("0*.py"))

    assert tuple(files) == REVISIONS


@pytest.mark.integration
async def test_a_filled_database_is_divided_by_month_and_loses_nothing(database_url: str) -> None:
    await migrate_to(database_url, UNDIVIDED)
    now = Month.of(datetime.now(UTC))
    months = [Month(2001, 1), now.before, now, now.next]  # the clock that made the last one was ahead
    ids = [f"{month.first_id[:14]}{new_id()[14:]}" for month in months]
    before = await execute(database_url, *filled(ids), *counts("executions", "steps", "dead_letters"))
    shapes = "SELECT regexp_replace(indexname, '_until.*', '') FROM pg_indexes WHERE tablename LIKE '{}' ORDER BY 1"
    indexes = {table: await execute(database_url, shapes.format(table)) for table in KEYS}

    await migrate_to(database_url, DIVIDED)

    end = now.next.next
    assert await execute(database_url, *counts("executions", "steps", "dead_letters")) == before == [(4,), (8,), (4,)]
    for table in KEYS:
        place = f"SELECT DISTINCT CAST(CAST(tableoid AS regclass) AS text) FROM {table}"
        assert await execute(database_url, place) == [(f"{table}_until_{end}",)]
        assert await execute(database_url, shapes.format(table)) == indexes[table]
        assert await execute(database_url, shapes.format(f"{table}_until_%")) == indexes[table]
    await migrate(database_url)
    vault, clock = Vault([KEY]), FakeClock()
    async with open_database(database_url, vault=vault, clock=clock) as database, database.write() as work:
        [claimed] = await work.executions.claim([ExecutionId(ids[1])], owner=ExecutorId("me"), now=clock.now())
        assert [step.path for step in claimed.steps] == ["a", "b"]
        await work.executions.delete([ExecutionId(each) for each in ids])
        await work.commit()
    assert await execute(database_url, *counts(*KEYS, "events")) == [(0,)] * 4


@pytest.mark.integration
async def test_ids_without_a_time_do_not_stop_the_division(database_url: str) -> None:
    await migrate_to(database_url, UNDIVIDED)
    await execute(database_url, *filled(["ffffffff-ffff-4fff-8fff-ffffffffffff"]))

    await migrate(database_url)

    assert await execute(database_url, *counts(*KEYS)) == [(1,), (2,), (1,)]


def counts(*tables: str) -> list[str]:
    return [f"SELECT count(*) FROM {table}" for table in tables]


def filled(ids: Sequence[str]) -> list[str]:
    """Statements that store queued executions, each claimed once before, with their events, steps and dead letters."""
    owner, made = DEFAULT_PROJECT, []
    for each in ids:
        made += [
            (
                "INSERT INTO events (id, project_id, workflow_id, trigger_id, occurred_at, accepted_at, fate, execution_id) "
                f"VALUES ('{each}', '{owner}', '{owner}', '{owner}', now(), now(), 'started', '{each}')"
            ),
            (
                "INSERT INTO executions (id, project_id, workflow_id, version_id, trigger_key, event_id, status, lane, epoch, "
                f"created_at, queued_at, woken_at, deadline_at) VALUES ('{each}', '{owner}', '{owner}', '{owner}', 'k', "
                f"'{each}', 'queued', 'normal', 1, now(), now(), now(), now())"
            ),
            (
                "INSERT INTO steps (execution_id, path, attempt, project_id, node, seq, status, started_at) VALUES "
                f"('{each}', 'a', 1, '{owner}', 'a', 1, 'succeeded', now()), "
                f"('{each}', 'b', 1, '{owner}', 'b', 2, 'succeeded', now())"
            ),
            (
                "INSERT INTO dead_letters (id, project_id, workflow_id, execution_id, code, message, fingerprint, created_at, "
                f"state) VALUES ('{each}', '{owner}', '{owner}', '{each}', 'c', 'm', 'f', now(), 'open')"
            ),
        ]
    return made


@pytest.mark.integration
async def test_paths_compare_byte_by_byte_whatever_the_language_of_the_database(database_url: str) -> None:
    await migrate(database_url)

    found = await execute(
        database_url,
        "SELECT DISTINCT collname FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation "
        "JOIN pg_class ON pg_class.oid = attrelid WHERE relname LIKE 'steps%' AND relkind IN ('r', 'p') AND attname = 'path'",
    )

    assert found == [("C",)]
