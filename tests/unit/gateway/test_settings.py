"""Settings are read once, with all problems at once, and never show a secret."""

from datetime import timedelta
from pathlib import Path

import pytest

from db.vault import generate_key
from engine.errors import ConfigurationError
from gateway.settings import PARSERS, Settings, read_settings

CLUSTER = {
    "PATCHBAY_BROKER_URL": "amqp://guest:guest@queue/",
    "PATCHBAY_DATABASE_URL": "postgresql://me:word@base/hub",
    "PATCHBAY_ENCRYPTION_KEYS": generate_key(),
}


def test_nothing_set_is_a_hub_on_this_machine() -> None:
    settings = read_settings({})

    assert settings == Settings()
    assert settings.is_embedded
    assert settings.sql_url == "sqlite+aiosqlite:///.patchbay/patchbay.db"
    assert settings.public_url == "http://127.0.0.1:8400"


def test_every_setting_can_be_read() -> None:
    assert set(PARSERS) == set(Settings.__dataclass_fields__)


def test_values_are_parsed() -> None:
    settings = read_settings(
        {
            **CLUSTER,
            "PATCHBAY_PORT": "9000",
            "PATCHBAY_RETAIN": "7d",
            "PATCHBAY_DATA_DIR": "/var/lib/patchbay",
            "PATCHBAY_ALLOW_PRIVATE": "10.0.0.0/8, ::1/128",
            "PATCHBAY_BASE_URL": "https://hub.example.com/",
            "PATCHBAY_LOG_FORMAT": "JSON",
            "PATCHBAY_HOST": "",
        }
    )

    assert (settings.port, settings.retain, settings.data_dir) == (9000, timedelta(days=7), Path("/var/lib/patchbay"))
    assert settings.allow_private == ("10.0.0.0/8", "::1/128")
    assert settings.public_url == "https://hub.example.com"
    assert settings.log_format == "json"
    assert settings.host == "127.0.0.1", "an empty variable counts as not set"
    assert settings.sql_url.startswith("postgresql+asyncpg://")


def test_all_problems_are_told_together_with_what_to_write() -> None:
    wrong = {
        "PATCHBAY_PORT": "http",
        "PATCHBAY_DATABASE_URL": "mysql://x",
        "PATCHBAY_BROKER_URL": "kafka://x",
        "PATCHBAY_RETAIN": "a month",
        "PATCHBAY_ALLOW_PRIVATE": "10.0.0.0/99",
        "PATCHBAY_BASE_URL": "hub.example.com",
        "PATCHBAY_LOG_LEVEL": "loud",
        "PATCHBAY_DATABSE_POOL": "3",
    }

    with pytest.raises(ConfigurationError) as raised:
        read_settings(wrong)

    lines = str(raised.value).splitlines()
    assert len(lines) == len(wrong)
    assert all(any(name in line for line in lines) for name in wrong)
    assert 'PATCHBAY_PORT="http": write a number from 0 to 65535' in lines


def test_a_cluster_needs_a_key_and_a_database() -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_settings({"PATCHBAY_BROKER_URL": "amqp://queue/"})

    assert "PATCHBAY_ENCRYPTION_KEYS is not set" in str(raised.value)
    assert "PATCHBAY_DATABASE_URL is not set" in str(raised.value)


def test_keys_are_not_shown() -> None:
    settings = read_settings(CLUSTER)

    assert CLUSTER["PATCHBAY_ENCRYPTION_KEYS"] not in repr(settings.encryption_keys)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_hub_that_listens_everywhere_gives_an_address_that_can_be_called(host: str) -> None:
    assert read_settings({"PATCHBAY_HOST": host}).public_url == "http://127.0.0.1:8400"
