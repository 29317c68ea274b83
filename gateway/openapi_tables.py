"""The tables of docs/reference/api.md and errors.md, made from the endpoints and from the errors themselves.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``.
Example: ``python -m gateway.openapi_tables docs/reference/api.md docs/reference/errors.md``
"""

import re
import sys
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path

from connectors.resolver import AddressRefused
from engine import errors
from engine.errors import PatchbayError, StepError
from gateway.endpoints import Endpoint
from gateway.problems import status_of
from gateway.routes.api import ENDPOINTS

_TABLE = re.compile(r"(<!-- table: (?P<name>[a-z]+) -->\n)[^<]*(<!-- end -->)")

OTHER_ANSWERS = {
    "method_not_allowed": (405, "The path is right and the method is not; `Allow` names those that are."),
    "unsupported_media_type": (415, "The body's content type is not one that the route reads."),
    "execution_failed": (500, "Somebody waited for an execution that failed; `error` says why."),
    "execution_cancelled": (409, "Somebody waited for an execution that was cancelled."),
    "internal_error": (500, "A defect of the hub; its log has the traceback."),
    "not_ready": (503, "`/readyz` only: the database or the broker is away."),
}
"""Codes of answers that no class of error has."""

OTHER_FAILURES = {
    "stopped": ("business", "A `stop` node ended the execution as failed."),
    "cancelled": ("permanent", "A person cancelled the execution."),
    "execution_timeout": ("permanent", "The execution took longer than `settings.timeout`."),
    "message_dead": ("permanent", "The broker gave the execution's message up after too many deliveries."),
    "not_runnable": ("permanent", "This release cannot run the stored version."),
    "corrupt_history": ("permanent", "The recorded steps do not follow from the version."),
    "internal_error": ("permanent", "A defect of the hub or of a plugin; the log has the traceback."),
    "invalid_expression": ("permanent", "A template or condition failed while it was evaluated."),
    "invalid_definition": ("permanent", "A part of the workflow is wrong in a way that only showed while it ran."),
}
"""Codes of failed executions and steps that no class of step error has."""


def answers() -> dict[str, tuple[int, str]]:
    """The code of every problem document, with its status and its meaning."""
    never = (PatchbayError, errors.ConfigurationError)
    kinds = [kind for kind in _kinds(PatchbayError) if kind not in never and not issubclass(kind, StepError)]
    kinds.append(errors.InvalidInput)
    known = {kind.code: (status_of(kind), _meaning(kind)) for kind in reversed(kinds)}  # the first of a code counts
    return {**known, **OTHER_ANSWERS}


def failures() -> dict[str, tuple[str, str]]:
    """The code of every failed step and execution, with its category and its meaning."""
    kinds = [kind for kind in (*_kinds(StepError), AddressRefused) if issubclass(kind, StepError)]
    known = {kind.code: (kind.category.value, _meaning(kind)) for kind in kinds}
    return {**known, **OTHER_FAILURES}


def tables() -> dict[str, str]:
    """Every table by its name."""
    return {
        "operations": _table(["method", "path", "scope", ""], map(_operation_row, ENDPOINTS)),
        "answers": _table(
            ["code", "status", "meaning"],
            ([f"`{code}`", str(status), text] for code, (status, text) in sorted(answers().items())),
        ),
        "failures": _table(
            ["code", "category", "meaning"],
            ([f"`{code}`", category, text] for code, (category, text) in sorted(failures().items())),
        ),
    }


def fill(text: str) -> str:
    """Return a page with its tables as they should be. Raises KeyError: it asks for one that there is not."""
    known = tables()
    return _TABLE.sub(lambda found: f"{found[1]}{known[found['name']]}{found[3]}", text)


def _kinds(kind: type[PatchbayError]) -> Iterator[type[PatchbayError]]:
    """A class of ``engine.errors`` and those under it there; plugins and commands may have added others."""
    if kind.__module__ == errors.__name__:
        yield kind
        for below in kind.__subclasses__():
            yield from _kinds(below)


def _meaning(kind: type[PatchbayError]) -> str:
    return cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def _operation_row(endpoint: Endpoint) -> list[str]:
    summary = cleandoc(endpoint.handler.__doc__ or "").partition("\n")[0].rstrip(".")
    return [endpoint.method, f"`{endpoint.path}`", endpoint.scope.value, summary.replace("``", "`")]


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["-" * 3] * len(head), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


def main(pages: list[str]) -> None:
    """Write the tables into the pages that are named."""
    for name in pages:
        page = Path(name)
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
