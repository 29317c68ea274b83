"""What every test may ask for: fresh databases, a broker, and private servers to restart.

Servers are looked for when the first test asks, once per run; collecting tests starts nothing.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.services import (
    Found,
    Services,
    Unavailable,
    find_postgres,
    find_rabbitmq,
    start_private_services,
)
from tests.services.probes import create_database, drop_database

T = TypeVar("T")

# How long an example takes on a busy machine proves nothing; Hypothesis' own settings for CI stay otherwise.
settings.register_profile("patchbay", parent=settings.default, deadline=None)
settings.load_profile("patchbay")

found_services: list[str] = []


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Asyncio only, on its own loop: its debug aids work there, and the programs prove uvloop in the acceptance tests."""
    return "asyncio", {"use_uvloop": False}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Found]:
    with ExitStack() as stack:
        yield _found("PostgreSQL", find_postgres, stack)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Found]:
    with ExitStack() as stack:
        yield _found("RabbitMQ", find_rabbitmq, stack)


@pytest.fixture(scope="session")
def services(postgres: Found, rabbitmq: Found) -> Services:
    """Both servers, wherever they were found."""
    return Services(
        database_url=postgres.url, broker_url=rabbitmq.url, postgres=postgres.server, rabbitmq=rabbitmq.server
    )


@pytest.fixture(scope="session")
def private_services(services: Services) -> Iterator[Services]:
    """A pair that may be stopped, killed and restarted: ``services`` if they are private, otherwise a second pair."""
    if services.postgres and services.rabbitmq:
        yield services
        return
    with ExitStack() as stack:
        yield _have(start_private_services, stack)


@pytest.fixture
def database_url(postgres: Found) -> Iterator[str]:
    """A fresh, empty PostgreSQL database, dropped after the test."""
    yield from _fresh_database(postgres.url)


@pytest.fixture
def private_database_url(private_services: Services) -> Iterator[str]:
    """The same on the private server, for tests that restart it."""
    yield from _fresh_database(private_services.database_url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A database file that does not exist yet."""
    return f"sqlite+aiosqlite:///{tmp_path / 'patchbay.db'}"


@pytest.fixture
def broker_url(rabbitmq: Found) -> str:
    """RabbitMQ, shared by all tests: name queues and exchanges with ``broker_prefix``."""
    return rabbitmq.url


@pytest.fixture
def broker_prefix() -> str:
    """A prefix for the names of this test's queues and exchanges."""
    return f"test-{uuid.uuid4().hex[:12]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in found_services:
        terminalreporter.write_line(line)


def _found(name: str, find: Callable[[ExitStack], Found], stack: ExitStack) -> Found:
    found = _have(find, stack)
    found_services.append(f"{name}: {found.origin}")
    return found


def _have(find: Callable[[ExitStack], T], stack: ExitStack) -> T:
    """Skip what cannot be tested here; where a machine checks (``CI=true``), a test that did not run is a failure."""
    try:
        return find(stack)
    except Unavailable as error:
        reason = str(error)
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _fresh_database(server_url: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    create_database(server_url, name)
    yield f"{server_url.rpartition('/')[0]}/{name}"
    drop_database(server_url, name)
