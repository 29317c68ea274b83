"""What a definition may say and should not keep: settings for trying things out, which `patchbay check` points at."""

from collections.abc import Iterator

from engine.errors import Problem
from engine.model.workflow import Definition


def cautions(definition: Definition) -> list[Problem]:
    """Return what a person should know before publishing; nothing of it is an error, and places have no positions."""
    return list(_found(definition))


def _found(definition: Definition) -> Iterator[Problem]:
    for key, node in definition.nodes.items():
        if node.disabled:
            yield Problem(place=f"nodes.{key}.disabled", message="the node does nothing and passes its input on")
        elif node.has_pin:
            yield Problem(
                place=f"nodes.{key}.pin", message="the node does not run, its output is always the pinned one"
            )
