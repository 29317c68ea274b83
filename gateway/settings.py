"""Settings: every ``PATCHBAY_*`` variable, read once, all problems reported together (see docs/operations.md)."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.config import Config, environ
from starlette.datastructures import Secret

from engine.errors import ConfigurationError
from engine.model.base import parse_duration
from engine.model.workflow import Retention

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared with, not listened on
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
    child_depth: int = 10
    database_pool: int = 5
    max_body_bytes: int = 16 * 1024 * 1024
    large_value_bytes: int = 64 * 1024
    allow_private: tuple[str, ...] = ()
    retain: timedelta = timedelta(days=30)
    retain_count: int = 0
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
    def retention(self) -> Retention:
        """What is kept of workflows that do not say."""
        return Retention(age=self.retain, count=self.retain_count or None)

    @property
    def public_url(self) -> str:
        """Where the outside reaches this hub, without a slash at the end.

        A hub that listens on all addresses cannot know by which one; it says this machine's own until it is told.
        """
        host = "127.0.0.1" if self.host in EVERYWHERE else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment, or from ``variables``. A variable that is empty counts as not set.

    Raises:
        ConfigurationError: One line for each value that is wrong and for each unknown ``PATCHBAY_`` name.
    """
    given = environ if variables is None else variables
    config = Config(environ=given)
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, parse in PARSERS.items():
        variable = PREFIX + name.upper()
        text = config(variable, default="")
        try:
            if text != "":
                values[name] = parse(text)
        except ValueError as exc:
            shown = "…" if name == "encryption_keys" else text
            problems.append(f'{variable}="{shown}": {exc}')
    settings = Settings(**values)
    problems += _unknown(given) + _missing(settings)
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def _missing(settings: Settings) -> list[str]:
    """What a hub of several processes needs and has no default for."""
    if settings.is_embedded:
        return []
    problems = []
    if not settings.encryption_keys:
        problems.append(
            f"{PREFIX}ENCRYPTION_KEYS is not set; all processes of a hub need the same key, "
            "made with `patchbay keys new-encryption-key`"
        )
    if not settings.database_url:
        problems.append(f"{PREFIX}DATABASE_URL is not set; with a broker of its own a hub needs PostgreSQL")
    return problems


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


PARSERS: Mapping[str, Callable[[str], Any]] = {
    "data_dir": Path,
    "database_url": _database_url,
    "broker_url": _broker_url,
    "broker_prefix": _name,
    "encryption_keys": _secrets,
    "host": str,
    "port": _between(0, 65535),
    "base_url": _http_url,
    "concurrency": _between(1, 10_000),
    "child_depth": _between(1, 100),
    "database_pool": _between(1, 200),
    "max_body_bytes": _between(1024, 1 << 30),
    "large_value_bytes": _between(0, 1 << 30),
    "allow_private": _networks,
    "retain": parse_duration,
    "retain_count": _between(0, 10_000_000),
    "grace": parse_duration,
    "log_level": _one_of("debug", "info", "warning", "error"),
    "log_format": _one_of("text", "json"),
}
"""How each setting is read; a ``ValueError`` says what to write instead."""
