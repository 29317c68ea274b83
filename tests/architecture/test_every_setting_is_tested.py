"""What the format has is tested: a new kind of node or field needs a small workflow that shows it.

Add a case to tests/acceptance/every_setting.py, or a test with ``covers`` beside it.
"""

import ast

from engine.model.node import NodeKind
from tests.acceptance.every_setting import names
from tests.acceptance.test_every_setting import COVERED, ELSEWHERE, WITHOUT_EFFECT
from tests.architecture.sources import ROOT


def test_every_kind_and_every_field_is_named_by_a_test() -> None:
    assert set(NodeKind) <= COVERED
    assert names() == COVERED | set(ELSEWHERE) | WITHOUT_EFFECT


def test_what_is_tested_elsewhere_is_tested() -> None:
    tests = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert set(ELSEWHERE.values()) <= tests
