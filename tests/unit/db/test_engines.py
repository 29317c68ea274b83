"""Which database URLs are understood."""

import pytest

from db.engines import parse_url
from engine.errors import ConfigurationError


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("sqlite:///data/patchbay.db", "sqlite+aiosqlite:///data/patchbay.db"),
        ("sqlite+aiosqlite:////var/lib/patchbay.db", "sqlite+aiosqlite:////var/lib/patchbay.db"),
        ("postgresql://u:p@host:5433/name", "postgresql+asyncpg://u:p@host:5433/name"),
        ("postgres://u@host/name", "postgresql+asyncpg://u@host/name"),
        ("postgresql+psycopg2://u@host/name", "postgresql+asyncpg://u@host/name"),
        ("postgresql://u@host/name?sslmode=require", "postgresql+asyncpg://u@host/name?ssl=require"),
    ],
)
def test_the_usual_spellings_are_understood(written: str, used: str) -> None:
    assert parse_url(written).render_as_string(hide_password=False) == used


@pytest.mark.parametrize(
    "written",
    [
        "",
        "patchbay.db",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://u:secret@host/name",
        "postgresql://u:secret@host:x/n",
    ],
)
def test_other_urls_are_refused_with_an_example_and_without_the_password(written: str) -> None:
    with pytest.raises(ConfigurationError, match="write sqlite:///path/to/file or postgresql://") as raised:
        parse_url(written)

    assert "secret" not in str(raised.value)
