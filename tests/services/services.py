"""PostgreSQL and RabbitMQ as one pair, as tests get them."""

from dataclasses import dataclass

from tests.services.private import PrivateServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Where the servers are. A server is ``None`` when it is not ours to stop."""

    database_url: str
    broker_url: str
    postgres: PrivateServer | None
    rabbitmq: PrivateServer | None
