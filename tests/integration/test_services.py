"""The test services keep what was stored, on the same port, through a stop and through a kill."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest

from tests.services import Services
from tests.services.probes import plain, postgres_answers, rabbitmq_answers

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
async def test_postgres_comes_back_with_what_was_committed(
    private_services: Services, private_database_url: str, kill: bool
) -> None:
    assert private_services.postgres is not None
    connection = await asyncpg.connect(plain(private_database_url))
    await connection.execute("create table kept (id int); insert into kept values (7)")

    await asyncio.to_thread(private_services.postgres.restart, kill=kill)

    assert connection.is_closed() or not await _answers(connection)
    again = await asyncpg.connect(plain(private_database_url))
    assert await again.fetchval("select id from kept") == 7
    await again.close()


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
async def test_rabbitmq_comes_back_with_its_durable_messages(
    private_services: Services, broker_prefix: str, kill: bool
) -> None:
    assert private_services.rabbitmq is not None
    name = f"{broker_prefix}.kept"
    arguments: dict[str, Any] = {"x-queue-type": "quorum"}
    async with await aio_pika.connect(private_services.broker_url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(name, durable=True, arguments=arguments)
        message = aio_pika.Message(b"seven", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key=name)

    await asyncio.to_thread(private_services.rabbitmq.restart, kill=kill)

    async with await aio_pika.connect(private_services.broker_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(name, durable=True, arguments=arguments)
        received = await queue.get(timeout=10)
        assert received.body == b"seven"
        await received.ack()
        await queue.delete(if_unused=False, if_empty=False)


def test_a_fresh_database_is_empty_and_its_own(database_url: str) -> None:
    async def tables() -> int:
        connection = await asyncpg.connect(plain(database_url))
        count = await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'")
        await connection.close()
        return int(count)

    assert asyncio.run(tables()) == 0


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A directory for temporary directories that other users may pass through, unlike ``tmp_path``."""
    folder = Path(tempfile.mkdtemp(prefix="patchbay-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_server_outlives_the_process_that_started_it(
    number: signal.Signals, temporary: Path, private_services: Services
) -> None:
    """``private_services`` is asked for only so that the servers are known to be installed."""
    command = [sys.executable, "-m", "tests.services"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment) as started:
        assert started.stdout is not None
        database_url, broker_url = (started.stdout.readline().strip().partition("=")[2] for _ in range(2))
        assert postgres_answers(database_url)
        assert rabbitmq_answers(broker_url)
        assert len(_processes_in(temporary)) >= 3

        started.send_signal(number)
        started.wait(60)

    deadline = time.monotonic() + 30
    while _processes_in(temporary) or any(temporary.iterdir()):
        assert time.monotonic() < deadline, (_processes_in(temporary), list(temporary.rglob("*")))
        time.sleep(0.05)


def _processes_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


async def _answers(connection: asyncpg.Connection) -> bool:
    try:
        await connection.fetchval("select 1")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True
