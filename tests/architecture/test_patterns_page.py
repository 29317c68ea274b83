"""The page of control-flow patterns has all of them, and says only what a test shows."""

import ast
import re

import pytest

from tests.architecture.sources import ROOT

PAGE = ROOT / "docs" / "reference" / "patterns.md"
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \| (\w+) \| ([^|]+) \| ?([^|]*) ?\|$", re.MULTILINE)
ROWS = [[cell.strip() for cell in row] for row in ROW.findall(PAGE.read_text(encoding="utf-8"))]
TESTS = {
    node.name
    for path in (ROOT / "tests").rglob("test_*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
}


def test_each_of_the_43_patterns_has_one_row() -> None:
    assert sorted(int(row[0]) for row in ROWS) == list(range(1, 44))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_row_names_a_test_or_says_why_not(row: list[str]) -> None:
    _, _, meaning, works, how, test = row

    assert meaning.endswith(".")
    assert how
    if works == "yes":
        assert test.strip("`") in TESTS, f"there is no test {test}"
    else:
        assert (works, test) == ("no", "")
