"""The commands that stay: one process of a hub in one role or in all; and the migration that goes before them."""

import asyncio
import os
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from db.engines import PoolSizes, parse_url
from db.session import SqlDatabase
from engine.errors import ConfigurationError, Unavailable
from gateway.bootstrap import ALL_ROLES, Role
from gateway.encryption import open_vault
from gateway.observability import configure_logging
from gateway.reaching import Waiting, named, patiently
from gateway.serving import bind, serve_role
from gateway.settings import PREFIX, Settings, read_settings
from gateway.strays import to_its_end
from gateway.welcome import welcome

app = typer.Typer()

PATIENCE = timedelta(seconds=60)
"""How long a distributed process waits at its start for its database and its broker."""

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Instead of PATCHBAY_PORT; 0 takes a free one.")]


@app.command(epilog="Example: patchbay serve --port 8400 --data-dir ~/patchbay")
def serve(
    port: Port = None,
    host: Annotated[str | None, typer.Option(help="Instead of PATCHBAY_HOST.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Instead of PATCHBAY_DATA_DIR.")] = None,
) -> None:
    """Run a whole hub in this process, on SQLite unless told otherwise.

    It makes its database by itself, prints its first API key once, and stays until Ctrl-C or SIGTERM.
    """
    settings = _settings(HOST=host, PORT=port, DATA_DIR=data_dir)
    _run(_serve(settings))


@app.command(epilog="Example: PATCHBAY_DATABASE_URL=… PATCHBAY_BROKER_URL=… patchbay gateway --port 8400")
def gateway(port: Port = None) -> None:
    """Run the HTTP side of a distributed hub: hooks, API, health. Any number may run."""
    _role(Role.GATEWAY, port)


@app.command(epilog="Example: PATCHBAY_DATABASE_URL=… PATCHBAY_BROKER_URL=… patchbay executor --port 8401")
def executor(port: Port = None) -> None:
    """Run executions of a distributed hub. Any number may run; its port serves health and metrics only."""
    _role(Role.EXECUTOR, port)


@app.command(epilog="Example: PATCHBAY_DATABASE_URL=… PATCHBAY_BROKER_URL=… patchbay scheduler --port 8402")
def scheduler(port: Port = None) -> None:
    """Run schedules and housekeeping of a distributed hub. Two or more may run: one leads, the others stand by."""
    _role(Role.SCHEDULER, port)


@app.command(epilog="Example: PATCHBAY_DATABASE_URL=postgresql+asyncpg://… patchbay migrate")
def migrate() -> None:
    """Bring the database's tables up to this release. Running it again, or twice at once, does no harm."""
    settings = _settings()
    done = asyncio.run(_migrate(settings, patience=PATIENCE))
    typer.echo(f"migrated: {', '.join(done)}" if done else "nothing to migrate: the database is up to date")


def _settings(**given: object) -> Settings:
    """Read the settings, with options of the command line before the environment, and set up the log."""
    instead = {f"{PREFIX}{name}": str(value) for name, value in given.items() if value is not None}
    settings = read_settings({**os.environ, **instead})
    configure_logging(level=settings.log_level, form=settings.log_format)
    return settings


def _role(role: Role, port: int | None) -> None:
    settings = _settings(PORT=port)
    if settings.is_embedded:
        raise ConfigurationError(
            f"`patchbay {role.value}` is one process of several and needs a broker: set PATCHBAY_BROKER_URL, "
            "PATCHBAY_DATABASE_URL and PATCHBAY_ENCRYPTION_KEYS, or run everything in one process: `patchbay serve`"
        )
    _run(serve_role(settings, frozenset({role}), listener=bind(settings), patience=PATIENCE))


async def _serve(settings: Settings) -> None:
    listener = bind(settings)
    if not await _is_current(settings):
        await _migrate(settings, patience=timedelta(0))
    await serve_role(settings, ALL_ROLES, listener=listener, ready=welcome)


async def _is_current(settings: Settings) -> bool:
    """Say whether the database has this release's tables, which most starts find."""
    with named(settings):
        vault = open_vault(settings)
        database = SqlDatabase(parse_url(settings.sql_url), vault=vault, pools=PoolSizes(write=1, read=1))
        try:
            await database.check()
        except Unavailable:
            return False
        finally:
            await database.close()
    return True


async def _migrate(settings: Settings, *, patience: timedelta) -> list[str]:
    # Alembic takes a tenth of a start, and 7 MB; nearly every start needs nothing of it.
    from db.migrate import migrate as run_migrations  # noqa: PLC0415

    async def attempt() -> list[str]:
        with named(settings):
            return await run_migrations(settings.sql_url)

    return await patiently(attempt, Waiting(patience=patience))


def _run(work: Coroutine[Any, Any, None]) -> None:
    uvloop.run(to_its_end(work))
