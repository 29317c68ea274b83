"""All nodes of a definition with their places in its text, those inside other nodes and in ``finally`` included."""

from collections.abc import Iterator

from engine.model.node import Body, LoopSpec, Node, ParallelSpec
from engine.model.workflow import Definition

Place = tuple[str | int, ...]


def placed_nodes(definition: Definition) -> Iterator[tuple[Place, Node]]:
    """Give every node with its path in the document, each before those inside it."""
    yield from _within((), Body(nodes=definition.nodes))
    if definition.closing is not None:
        yield from _within(("finally",), definition.closing)


def _within(at: Place, body: Body) -> Iterator[tuple[Place, Node]]:
    for key, node in body.nodes.items():
        place = (*at, "nodes", key)
        yield place, node
        spec = node.spec
        if isinstance(spec, LoopSpec):
            yield from _within((*place, "body"), spec.body)
        if isinstance(spec, ParallelSpec):
            for name, branch in spec.branches.items():
                yield from _within((*place, "branches", name), branch)
