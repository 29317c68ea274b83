"""What `patchbay check` points at: settings for trying things out, and what reaches further than it may seem."""

from collections.abc import Iterator

from engine.definition.places import nodes_on
from engine.definition.report import Path, place
from engine.errors import Problem
from engine.model.node import Node, NodeKind, OnError
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
        yield from _inside(at, node)
        if node.undo is not None and node.on_error is OnError.CONTINUE:
            text = "a call that failed is not taken back, and with on_error: continue the execution goes on"
            yield Problem(place=place((*at, "undo")), message=text)


def _inside(at: Path, node: Node) -> Iterator[Problem]:
    """What reaches further than the body or branch that a node lies in."""
    around = nodes_on(at)[:-1]
    if not around:
        return
    inside = ["iteration" if at[len(each.at)] == "body" else "branch" for each in around]
    if node.kind is NodeKind.STOP:
        text = f"this ends the whole execution, and not only the {inside[-1]} it is in"
        yield Problem(place=place(at), message=text, fix="lead an edge past the rest, or let the step fail")
    if node.kind is NodeKind.RESPOND and "iteration" in inside:
        text = "the caller gets one answer, that of the iteration which is first; the others are not sent"
        yield Problem(place=place(at), message=text, fix="answer after the loop")
