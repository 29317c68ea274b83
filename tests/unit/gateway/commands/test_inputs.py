"""What ``--input`` may be."""

import io
from pathlib import Path

import pytest

from engine.errors import InvalidJson, InvalidRequest
from gateway.commands.inputs import read_input


def test_json_on_the_command_line() -> None:
    assert read_input('{"a": [1, "ü"]}') == {"a": [1, "ü"]}


def test_nothing_is_null() -> None:
    assert read_input(None) is None


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "given.json"
    file.write_text("[1]")

    assert read_input(f"@{file}") == [1]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("true"))

    assert read_input("-") is True


@pytest.mark.parametrize(
    ("given", "message"),
    [("", "--input is not JSON"), ("{'a': 1}", "line 1 column 2"), ("[" * 100_000, "nested too deeply")],
)
def test_what_is_not_json_is_refused(given: str, message: str) -> None:
    with pytest.raises(InvalidJson, match=message):
        read_input(given)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")

    for name in (binary, tmp_path / "missing"):
        with pytest.raises(InvalidRequest, match=f'"{name}" cannot be read'):
            read_input(f"@{name}")
