"""One idea per file and per function: a file has at most 300 lines, a function 40, and 4 positional parameters."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import modules, text

FILE_LINES = 300
TEST_FILE_LINES = 500
FUNCTION_LINES = 40
POSITIONAL_PARAMETERS = 4

Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("path", modules(), ids=str)
def test_a_file_is_short(path: Path) -> None:
    allowed = TEST_FILE_LINES if path.parts[0] == "tests" else FILE_LINES

    lines = (text(path) or "").count("\n")

    assert lines <= allowed, f"{path} has {lines} lines; more than {allowed} are more than one idea"


def test_functions_are_short() -> None:
    long = [
        f"{path}:{function.lineno} {function.name}: {length} lines"
        for path in modules()
        for function in functions(path)
        if (length := length_of(function)) > FUNCTION_LINES
    ]

    assert not long


def test_functions_take_few_positional_parameters() -> None:
    wide = [
        f"{path}:{function.lineno} {function.name}"
        for path in modules()
        for function in functions(path)
        if len(positional(function)) > POSITIONAL_PARAMETERS and not is_test_or_fixture(function)
    ]

    assert not wide, "put a * before the parameters that callers should name"


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(text(path) or "", str(path))):
        if isinstance(node, Function):
            yield node


def length_of(function: Function) -> int:
    """Count from the ``def`` to the last line; decorators describe the function and are not part of it."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def positional(function: Function) -> list[str]:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return [name for name in names if name not in {"self", "cls"}]


def is_test_or_fixture(function: Function) -> bool:
    """Whether pytest calls it, by name, so that nobody has to count positions."""
    return function.name.startswith("test_") or any("fixture" in ast.unparse(mark) for mark in function.decorator_list)
