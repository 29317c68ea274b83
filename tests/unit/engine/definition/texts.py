"""What the tests of definitions share: a small sound workflow, and the problems of a text."""

from engine.definition import Outside, Source, parse_definition
from engine.errors import InvalidDefinition, Problem

STEP = "{type: transform, set: {a: 1}}"


def workflow(**sections: str) -> str:
    """Return a text with a name and one node, or the sections given, each indented as flow or block text."""
    sections.setdefault("nodes", f"{{one: {STEP}}}")
    return "name: test\n" + "".join(f"{name}: {text}\n" for name, text in sections.items())


def problems(text: str | Source, *, outside: Outside | None = None) -> list[Problem]:
    """Return what is wrong with a text; an empty list when nothing is."""
    try:
        parse_definition(text, outside=outside)
    except InvalidDefinition as error:
        return list(error.problems)
    return []


def only(text: str | Source, *, outside: Outside | None = None) -> Problem:
    """Return the one problem of a text."""
    found = problems(text, outside=outside)
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]
