"""Does a server answer at this URL, with these credentials? Asked with the same drivers as Patchbay's."""

import asyncio
import threading
from collections.abc import Coroutine
from urllib.parse import urlsplit

import aio_pika
import asyncpg
from aio_pika.exceptions import AMQPError

SECONDS = 3.0


def postgres_answers(url: str) -> bool:
    """Whether ``url`` (with or without SQLAlchemy's ``+asyncpg``) leads into PostgreSQL, as a user who may create databases."""
    try:
        from_sync(_ask_postgres(url))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


def rabbitmq_answers(url: str) -> bool:
    """Whether ``url`` leads into a RabbitMQ virtual host."""
    try:
        from_sync(_ask_rabbitmq(url))
    except (OSError, TimeoutError, AMQPError):
        return False
    return True


def create_database(server_url: str, name: str) -> None:
    from_sync(_execute(server_url, f'create database "{name}"'))


def drop_database(server_url: str, name: str) -> None:
    """Drop the database, ending the sessions that a failed test left in it."""
    from_sync(_execute(server_url, f'drop database if exists "{name}" with (force)'))


def plain(url: str) -> str:
    """Return the form that asyncpg itself understands."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def from_sync(work: Coroutine[object, object, None]) -> None:
    """Run ``work`` in a loop and thread of its own, because the caller may stand inside a running loop."""
    trouble: list[Exception] = []

    def run() -> None:
        try:
            asyncio.run(work)
        except Exception as error:  # noqa: BLE001 - it is raised again in the caller's thread
            trouble.append(error)

    thread = threading.Thread(target=run, name="probe")
    thread.start()
    thread.join()
    if trouble:
        raise trouble[0]


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(plain(url), timeout=30)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _ask_postgres(url: str) -> None:
    connection = await asyncpg.connect(plain(url), timeout=SECONDS)
    try:
        if not await connection.fetchval("select rolsuper or rolcreatedb from pg_roles where rolname = current_user"):
            raise PermissionError("this user may not create databases")
    finally:
        await connection.close()


async def _ask_rabbitmq(url: str) -> None:
    async with asyncio.timeout(SECONDS):
        # The driver logs an error when nothing listens; that is the usual case here, so ask the port first.
        address = urlsplit(url)
        _, writer = await asyncio.open_connection(address.hostname, address.port or 5672)
        writer.close()
        await writer.wait_closed()
        connection = await aio_pika.connect(url)
        await connection.close()
