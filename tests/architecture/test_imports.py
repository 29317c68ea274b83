"""Imports go the way ``docs/architecture.md`` draws them; the contracts stand in ``pyproject.toml``."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import PACKAGES, ROOT, modules, text


def test_every_import_contract_is_kept() -> None:
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"

    done = subprocess.run(
        [sys.executable, "-c", lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_built_in_connectors_import_only_the_sdk() -> None:
    """They are what a third party writes: what they cannot do with the SDK, nobody can."""
    others = [
        f"{path}: {name}"
        for path in modules("connectors")
        if path.parts[:2] == ("connectors", "builtin")
        for name in imported(path)
        if name.split(".")[0] in PACKAGES
        and name.split(".")[:2] != ["connectors", "sdk"]
        and name.split(".")[:2] != ["connectors", "builtin"]
    ]

    assert not others


def test_no_source_imports_the_tests_or_the_benchmarks() -> None:
    wrong = [
        f"{path}: {name}"
        for path in modules(*PACKAGES)
        for name in imported(path)
        if name.split(".")[0] in {"tests", "benchmarks"}
    ]

    assert not wrong


def imported(path: Path) -> list[str]:
    """Return the modules that the file names in its imports, wherever in the file they stand."""
    names: list[str] = []
    for node in ast.walk(ast.parse(text(path) or "", str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names
