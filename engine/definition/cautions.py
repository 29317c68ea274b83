"""What a definition may say and should not keep: settings for trying things out, which `patchbay check` points at."""

from collections.abc import Iterator

from engine.definition.report import place
from engine.errors import Problem
from engine.model.workflow import Definition
from engine.placed_nodes import placed_nodes


def cautions(definition: Definition) -> list[Problem]:
    """Return what a person should know before publishing; nothing of it is an error, and places have no positions."""
    return list(_found(definition))


def _found(definition: Definition) -> Iterator[Problem]:
    for at, node in placed_nodes(definition):
        if node.disabled:
            yield Problem(place=place((*at, "disabled")), message="the node does nothing and passes its input on")
        elif node.has_pin:
            yield Problem(
                place=place((*at, "pin")), message="the node does not run, its output is always the pinned one"
            )
