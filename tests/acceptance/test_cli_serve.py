"""``patchbay serve`` as a program: what it prints, how it ends, and what it says when it cannot start."""

import signal
import socket
from pathlib import Path

import pytest

from tests.processes import patchbay, running

pytestmark = pytest.mark.acceptance

KEY = r"export PATCHBAY_API_KEY=(pbk_\w+)"
UP = r"Patchbay serves (http://[\d.]+:\d+)"


def test_the_first_start_prints_the_key_once_and_later_ones_do_not(tmp_path: Path) -> None:
    with running("serve", "--port", "0", "--data-dir", "data", folder=tmp_path) as first:
        url = first.wait_for_line(UP)[1]
        key = first.wait_for_line(KEY)[1]
        allowed = patchbay("keys", "list", "--json", variables={"PATCHBAY_URL": url, "PATCHBAY_API_KEY": key})
        assert first.end() == 0

    with running("serve", "--port", "0", "--data-dir", "data", folder=tmp_path) as second:
        second.wait_for_line(UP)
        assert second.end(signal.SIGINT) == 0

    assert allowed.returncode == 0, allowed.stderr
    assert "pbk_" not in second.output
    assert "Traceback" not in first.log + second.log


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        failed = patchbay("serve", "--port", str(port), cwd=tmp_path)

    assert failed.returncode == 1
    assert failed.stderr == f"error: the port {port} of 127.0.0.1 is taken; set PATCHBAY_PORT, or end what uses it\n"


def test_a_wrong_encryption_key_keeps_the_hub_from_starting(tmp_path: Path) -> None:
    with running("serve", "--port", "0", folder=tmp_path) as first:
        first.wait_for_line(UP)
        first.end()
    other = patchbay("keys", "new-encryption-key").stdout.strip()

    failed = patchbay("serve", "--port", "0", variables={"PATCHBAY_ENCRYPTION_KEYS": other}, cwd=tmp_path)

    assert failed.returncode == 1
    assert failed.stderr.startswith("error: the stored secrets are encrypted with the key ")
    assert "patchbay keys rotate" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert other not in failed.stderr


def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        url = f"postgresql+asyncpg://someone:hush-hush@127.0.0.1:{port}/hub"

        failed = patchbay("serve", "--port", "0", variables={"PATCHBAY_DATABASE_URL": url}, cwd=tmp_path)

    assert failed.returncode == 1
    assert failed.stderr.startswith(f'error: the database "hub" at 127.0.0.1:{port} cannot be used: ')
    assert failed.stderr.endswith("start it, or correct PATCHBAY_DATABASE_URL\n")
    assert "hush-hush" not in failed.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"PATCHBAY_DATA_DIR": "taken"}, 'error: the data folder "taken" cannot be used: '),
        (
            {"PATCHBAY_DATABASE_URL": "sqlite+aiosqlite:///taken/hub.db"},
            'error: the database file "taken/hub.db" cannot be used: ',
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_named(variables: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("not a folder")

    failed = patchbay("serve", "--port", "0", variables=variables, cwd=tmp_path)

    assert failed.returncode == 1
    assert failed.stderr.startswith(message)
    assert failed.stderr.count("\n") == 1


def test_all_wrong_settings_are_reported_together(tmp_path: Path) -> None:
    wrong = {"PATCHBAY_PORT": "many", "PATCHBAY_GRACE": "soon", "PATCHBAY_COLOUR": "red"}

    failed = patchbay("serve", variables=wrong, cwd=tmp_path)

    assert failed.returncode == 1
    assert all(name in failed.stderr for name in wrong)
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("role", ["gateway", "executor", "scheduler"])
def test_one_role_alone_needs_a_broker(role: str, tmp_path: Path) -> None:
    failed = patchbay(role, cwd=tmp_path)

    assert failed.returncode == 1
    assert "set PATCHBAY_BROKER_URL" in failed.stderr
    assert "patchbay serve" in failed.stderr


def test_a_wrong_command_line_ends_with_2() -> None:
    assert patchbay("serve", "--prot", "1").returncode == 2
    assert patchbay("sevre").returncode == 2
