"""The reference names every operation and every code, and nothing that does not exist."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import errors
from engine.errors import ConfigurationError, PatchbayError
from gateway.openapi_tables import answers, failures, fill
from tests.architecture.sources import ROOT, modules, text

PAGES = ["docs/reference/api.md", "docs/reference/errors.md"]
NEVER_ANSWERED = {PatchbayError.code, ConfigurationError.code}
NOT_BY_HTTP = {"invalid_expression"}
"""Found when a text is checked, as one of the problems of an ``invalid_definition``."""


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_of_the_reference_are_current(page: str) -> None:
    written = (ROOT / page).read_text()

    assert written == fill(written), f"run python -m gateway.openapi_tables {page}"


def test_every_error_has_a_code_of_its_own_or_its_parents_and_is_documented() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PatchbayError)]
    documented = set(answers()) | set(failures()) | NEVER_ANSWERED

    own = [kind.code for kind in kinds if "code" in vars(kind)]
    assert len(own) == len(set(own))
    assert {kind.code for kind in kinds} <= documented


def test_every_failure_that_the_engine_records_is_documented() -> None:
    recorded = {code for path in modules("engine", "db") for code in codes_in(ast.parse(text(path) or ""))}

    assert {"stopped", "cancelled", "not_runnable", "execution_timeout"} <= recorded
    assert recorded <= set(failures())


def test_every_answer_is_produced_by_a_test() -> None:
    here = Path(__file__).name
    tests = [path for path in modules("tests") if path.parts[1] in {"acceptance", "unit"} and path.name != here]
    over_http = [text(path) or "" for path in tests if "gateway" in path.parts or path.name.startswith("test_api")]

    unproved = {code for code in answers() if not any(f'"{code}"' in source for source in over_http)}

    assert unproved == NOT_BY_HTTP


def codes_in(tree: ast.Module) -> Iterator[str]:
    """What stands as ``Failure(code="…")``, and constants of modules whose name ends in ``CODE``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Failure":
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    yield str(keyword.value.value)
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("CODE"):
            value = node.value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value
