"""Real PostgreSQL and RabbitMQ servers for the tests, found or started, and stopped again.

Tests use the fixtures in ``tests/conftest.py``; ``python -m tests.services`` keeps a pair running for a person.
"""

from tests.services.finding import Found, Unavailable, find_postgres, find_rabbitmq, start_private_services
from tests.services.private import PrivateServer, ServiceError
from tests.services.services import Services

__all__ = [
    "Found",
    "PrivateServer",
    "ServiceError",
    "Services",
    "Unavailable",
    "find_postgres",
    "find_rabbitmq",
    "start_private_services",
]
