"""The part of the reference page that follows from the tables: one section for each filter and test.

``docs/reference/expressions.md`` holds it between two markers, and a test compares. After a change,
``python -m engine.expressions.reference`` prints the new part.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from engine.expressions.filters import FILTERS
from engine.expressions.filters.table import FilterDoc
from engine.expressions.predicates import TESTS
from engine.model.base import Json


def reference() -> str:
    """Return the Markdown between the markers."""
    return "\n".join((*_sections("Filters", FILTERS.values()), *_sections("Tests", TESTS.values())))


def _sections(heading: str, entries: Iterable[FilterDoc]) -> Iterator[str]:
    yield f"## {heading}\n"
    for group, members in groupby(entries, key=lambda entry: entry.group):
        if group != heading:
            yield f"### {group}\n"
        for entry in members:
            yield f"#### `{entry.name}`\n"
            yield f"`{entry.usage}`\n"
            yield f"{entry.summary.replace('. ', '.' + chr(10))}\n"
            yield "```text"
            for expression, result in entry.examples:
                yield f"{_shown(expression)}  →  {_json(result)}"
            yield "```\n"


def _shown(expression: str) -> str:
    return expression.replace("\n", "\\n")


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    print(reference())  # noqa: T201  this is the command
