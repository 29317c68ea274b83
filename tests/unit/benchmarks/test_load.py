"""Either generator reports in one shape; a missing or broken one is said to be so."""

import json
from pathlib import Path

import pytest

from benchmarks import load
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Load
from benchmarks.load import choose, parse

FIGURES = {"requests": 10, "failed": 1, "errors": 0, "seconds": 2.0, "p50_ms": 1.5, "p99_ms": 3.0}


def without_wrk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def test_figures_are_read_from_the_last_line() -> None:
    output = f"Running 2s test\n  Requests/sec: 5.00\n\n{json.dumps(FIGURES)}\n"

    assert parse(output) == Load(requests=10, failed=1, errors=0, seconds=2.0, p50_ms=1.5, p99_ms=3.0)


@pytest.mark.parametrize("output", ["", "unable to connect", "[1, 2]", '{"requests": 1}', '{"requests": 1, "more": 2}'])
def test_output_without_figures_is_an_error_that_shows_it(output: str) -> None:
    with pytest.raises(BenchmarkError, match="printed no figures"):
        parse(output)


def test_the_python_client_steps_in_where_wrk_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    without_wrk(monkeypatch)

    assert choose("auto", body=Path("body")).kind == "python"


def test_asking_for_a_wrk_that_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without_wrk(monkeypatch)

    with pytest.raises(BenchmarkError, match="apt-get install wrk"):
        choose("wrk", body=Path("body"))


def test_the_python_client_can_be_asked_for() -> None:
    assert choose("python", body=Path("body")).kind == "python"


def test_the_lua_script_prints_every_figure() -> None:
    script = load.SCRIPT.read_text()

    assert [name for name in FIGURES if f'"{name}"' not in script] == []
