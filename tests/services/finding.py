"""Finding a PostgreSQL and a RabbitMQ, in a fixed order, each for itself.

1. the URL in the environment; 2. a server on the standard local port that takes the usual credentials;
3. Docker, if its engine answers; 4. a private instance, after installing the package on Debian or Ubuntu as root.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from tests.services import debian, docker, postgres, rabbitmq
from tests.services.private import PrivateFolder, PrivateServer, ServiceError
from tests.services.probes import postgres_answers, rabbitmq_answers
from tests.services.services import Services


class Unavailable(Exception):
    """No such server here, and none can be had; the message says what to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A server that answered."""

    url: str
    origin: str
    server: PrivateServer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the ways differ in between the two servers."""

    name: str
    variable: str
    usual_urls: tuple[str, ...]
    container: docker.Container
    package: str
    answers: Callable[[str], bool]
    may_run: Callable[[], bool]
    start: Callable[[PrivateFolder], PrivateServer]


POSTGRES = Kind(
    name="PostgreSQL",
    variable="PATCHBAY_TEST_DATABASE_URL",
    usual_urls=(
        "postgresql+asyncpg://postgres:postgres@127.0.0.1:5432/postgres",
        "postgresql+asyncpg://patchbay:patchbay@127.0.0.1:5432/patchbay",
        "postgresql+asyncpg://postgres@127.0.0.1:5432/postgres",
    ),
    container=docker.Container(
        service="postgres", port=5432, url="postgresql+asyncpg://postgres:postgres@127.0.0.1:{port}/postgres"
    ),
    package="postgresql",
    answers=postgres_answers,
    may_run=postgres.may_run,
    start=postgres.start,
)

RABBITMQ = Kind(
    name="RabbitMQ",
    variable="PATCHBAY_TEST_BROKER_URL",
    usual_urls=("amqp://guest:guest@127.0.0.1:5672/", "amqp://patchbay:patchbay@127.0.0.1:5672/"),
    container=docker.Container(service="rabbitmq", port=5672, url="amqp://guest:guest@127.0.0.1:{port}/"),
    package="rabbitmq-server",
    answers=rabbitmq_answers,
    may_run=rabbitmq.may_run,
    start=rabbitmq.start,
)


def find_postgres(stack: ExitStack) -> Found:
    """Find or start PostgreSQL; ``stack`` stops what was started.

    Raises:
        Unavailable: There is no way to have one here.
    """
    return _find(POSTGRES, stack)


def find_rabbitmq(stack: ExitStack) -> Found:
    """Find or start RabbitMQ; ``stack`` stops what was started.

    Raises:
        Unavailable: There is no way to have one here.
    """
    return _find(RABBITMQ, stack)


def start_private(kind: Kind, stack: ExitStack) -> Found:
    """Start a private instance, installing the package first where we may.

    Raises:
        Unavailable: It is not installed, or did not start.
    """
    try:
        if not kind.may_run() and debian.may_install():
            debian.install(kind.package)
        if not kind.may_run():
            raise Unavailable(_advice(kind))
        server = kind.start(stack.enter_context(PrivateFolder()))
    except ServiceError as error:
        raise Unavailable(f"{kind.name} cannot be started: {error}") from error
    stack.callback(server.stop)
    return Found(url=server.url, origin="a private instance", server=server)


def start_private_services(stack: ExitStack) -> Services:
    """Start a private pair, for tests that restart them.

    Raises:
        Unavailable: One of them is not installed, or did not start.
    """
    database, broker = start_private(POSTGRES, stack), start_private(RABBITMQ, stack)
    return Services(database_url=database.url, broker_url=broker.url, postgres=database.server, rabbitmq=broker.server)


def _find(kind: Kind, stack: ExitStack) -> Found:
    given = os.environ.get(kind.variable)
    if given:
        if not kind.answers(given):
            raise Unavailable(f"nothing usable answers at {kind.variable}; unset it, or correct it")
        return Found(url=given, origin=kind.variable)
    for url in kind.usual_urls:
        if kind.answers(url):
            return Found(url=url, origin="the standard local port")
    container = docker.start(kind.container, stack, answers=kind.answers)
    if container:
        return Found(url=container, origin="Docker")
    return start_private(kind, stack)


def _advice(kind: Kind) -> str:
    return (
        f"needs {kind.name}: install it (Debian, Ubuntu: apt-get install {kind.package}), or start Docker, "
        f"or set {kind.variable}"
    )
