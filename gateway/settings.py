"""Settings: every ``PATCHBAY_*`` variable, read once, all problems reported together (see docs/operations.md)."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from starlette.config import Config, environ
from starlette.datastructures import Secret

from engine.errors import ConfigurationError
from engine.model.base import parse_duration

T = TypeVar("T")

INPROCESS = "inprocess://"
PREFIX = "PATCHBAY_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One process's settings. Every default is safe on a laptop.

    ``data_dir`` holds what an embedded hub keeps: its database and its generated encryption key. ``encryption_keys``
    empty: an embedded hub makes one there; a distributed one refuses to start.
    """

    data_dir: Path = Path(".patchbay")
    database_url: str = ""
    broker_url: str = INPROCESS
    broker_prefix: str = "patchbay"
    encryption_keys: tuple[Secret, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8400
    base_url: str = ""
    concurrency: int = 200
    database_pool: int = 5
    max_body_bytes: int = 16 * 1024 * 1024
    allow_private: tuple[str, ...] = ()
    retain: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(seconds=20)
    log_level: str = "info"
    log_format: str = "text"

    @property
    def is_embedded(self) -> bool:
        """Whether queue and database live in this process and its data folder."""
        return self.broker_url.startswith(INPROCESS)

    @property
    def sql_url(self) -> str:
        """The database's address; SQLite in the data folder unless told otherwise."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'patchbay.db'}"

    @property
    def public_url(self) -> str:
        """Where the outside reaches this hub, without a slash at the end."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment, or from ``variables``.

    Raises:
        ConfigurationError: One line for each value that is wrong and for each unknown ``PATCHBAY_`` name.
    """
    given = environ if variables is None else variables
    config = Config(environ=given)
    problems: list[str] = []

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        text = config(PREFIX + name, default="")
        if text == "":
            return default
        try:
            return parse(text)
        except (ValueError, ConfigurationError) as exc:
            problems.append(f'{PREFIX}{name}="{text if name != "ENCRYPTION_KEYS" else "…"}": {exc}')
            return default

    basis = Settings()
    settings = Settings(
        data_dir=read("DATA_DIR", Path, basis.data_dir),
        database_url=read("DATABASE_URL", _database_url, basis.database_url),
        broker_url=read("BROKER_URL", _broker_url, basis.broker_url),
        broker_prefix=read("BROKER_PREFIX", _name, basis.broker_prefix),
        encryption_keys=read("ENCRYPTION_KEYS", _secrets, basis.encryption_keys),
        host=read("HOST", str, basis.host),
        port=read("PORT", _between(0, 65535), basis.port),
        base_url=read("BASE_URL", _http_url, basis.base_url),
        concurrency=read("CONCURRENCY", _between(1, 10_000), basis.concurrency),
        database_pool=read("DATABASE_POOL", _between(1, 200), basis.database_pool),
        max_body_bytes=read("MAX_BODY_BYTES", _between(1024, 1 << 30), basis.max_body_bytes),
        allow_private=read("ALLOW_PRIVATE", _networks, basis.allow_private),
        retain=read("RETAIN", parse_duration, basis.retain),
        grace=read("GRACE", parse_duration, basis.grace),
        log_level=read("LOG_LEVEL", _one_of("debug", "info", "warning", "error"), basis.log_level),
        log_format=read("LOG_FORMAT", _one_of("text", "json"), basis.log_format),
    )
    problems.extend(_unknown(given))
    if not settings.is_embedded and not settings.encryption_keys:
        problems.append(
            f"{PREFIX}ENCRYPTION_KEYS is not set; all processes of a hub need the same key, "
            "made with `patchbay keys new-encryption-key`"
        )
    if not settings.is_embedded and not settings.database_url:
        problems.append(f"{PREFIX}DATABASE_URL is not set; with a broker of its own a hub needs PostgreSQL")
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _unknown(given: Mapping[str, str]) -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.__dataclass_fields__} | CLIENT_VARIABLES
    names = [name for name in given if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_")]
    return [f"{name} is not a setting; see docs/operations.md" for name in names if name not in known]


CLIENT_VARIABLES = frozenset({f"{PREFIX}URL", f"{PREFIX}API_KEY"})
"""What the command line reads to reach a running hub."""


def _database_url(text: str) -> str:
    schemes = ("sqlite+aiosqlite", "postgresql+asyncpg")
    if text.startswith("postgresql://"):
        text = text.replace("postgresql://", "postgresql+asyncpg://", 1)
    if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
        raise ValueError(f"write {schemes[1]}://user:password@host/database or {schemes[0]}:///path")
    return text


def _broker_url(text: str) -> str:
    if not text.startswith((INPROCESS, "amqp://", "amqps://")):
        raise ValueError(f"write amqp://user:password@host/ or {INPROCESS}")
    return text


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write https://hub.example.com")
    return text


def _name(text: str) -> str:
    if not text.replace("-", "").replace("_", "").isalnum():
        raise ValueError("use letters, digits, - and _")
    return text


def _secrets(text: str) -> tuple[Secret, ...]:
    return tuple(Secret(part.strip()) for part in text.split(",") if part.strip())


def _networks(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        ipaddress.ip_network(name)
    return names


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"write a number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"write one of {', '.join(words)}")
        return text.lower()

    return parse
