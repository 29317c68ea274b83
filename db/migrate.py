"""Brings a database's schema up to this release, in one transaction, safely when several processes try at once."""

from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db.engines import is_postgres, migration_engine, parse_url
from db.failures import translated
from engine.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"

# Any fixed number: a second process waits here until the first has committed, and then finds nothing to do.
_MIGRATION_LOCK = 7_412_000


async def migrate(url: str) -> list[str]:
    """Run the migrations that are missing and return their numbers; a second call returns none.

    A crash in the middle leaves the schema as it was. The directory of a SQLite file is created.

    Raises:
        Unavailable: The database does not answer.
        ConfigurationError: The URL is wrong, or the schema was made by a newer release.
    """
    parsed = parse_url(url)
    if not is_postgres(parsed) and parsed.database is not None:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = migration_engine(parsed)
    try:
        with translated():
            async with engine.connect() as connection:
                return await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> list[str]:
    """Run what is missing between an explicit BEGIN and COMMIT, under a lock that ends with them."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("BEGIN")
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        done = _run(connection)
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")
    return done


def _run(connection: Connection) -> list[str]:
    scripts = ScriptDirectory(str(MIGRATIONS))
    known = [script.revision for script in scripts.walk_revisions()][::-1]

    def missing(revision: Any, _context: MigrationContext) -> Any:
        # What alembic.command.upgrade calls; that would want an ini file and an env.py beside the package.
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001

    context = MigrationContext.configure(connection, opts={"fn": missing, "script": scripts})
    found = context.get_current_revision()
    if found is not None and found not in known:
        raise ConfigurationError(
            f'the database schema is "{found}", which this release does not know; a newer release made it: '
            "start that release instead, for migrations cannot go back"
        )
    with Operations.context(context):
        context.run_migrations()
    return known[known.index(found) + 1 :] if found is not None else known
