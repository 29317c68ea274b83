"""One flow, compiled: nodes with what their handlers need, and edges as indexes into arrays.

A workflow is a flow; so is the body of a loop, a branch of a parallel node, and what ``finally`` holds. All of it is
immutable and shared by every execution of the version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from engine.cycles import Cycles
from engine.expressions import Expression, Template
from engine.list_steps import CompiledStep
from engine.model.execution import Note
from engine.model.node import Edge, Node, NodeKind
from engine.value_schemas import ValueSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCache:
    """When a kept output may stand in for a call."""

    key: Template
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledNode:
    """A node with what its handler needs.

    ``place`` names it within the version: ``charge``, and ``orders.charge`` for one in the body of ``orders``.
    ``tests`` are the bare expressions of its kind in the order of the text, ``templates`` the fields with holes by
    name. ``inbound`` and ``outbound`` are indexes into ``Flow.edges``; edges that close a cycle are in ``outbound``
    only. ``passes_input`` says that its output can be derived from what came before it, ``bypass`` that it does not
    run, and why. A schema is ``None`` where any value will do. ``bodies`` are the flows inside it: of a loop the one
    under ``""``, of a parallel node its branches by name. ``steps`` are those of a transform.
    ``undo`` is the call that takes back what it did.
    """

    key: str
    place: str
    kind: NodeKind
    node: Node
    inbound: tuple[int, ...]
    outbound: tuple[int, ...]
    tests: tuple[Expression, ...]
    templates: Mapping[str, Template]
    input: Template | None
    assign: Template | None
    passes_input: bool
    bypass: Note | None
    input_schema: ValueSchema | None
    output_schema: ValueSchema | None
    cache: CompiledCache | None
    bodies: "Mapping[str, Flow]"
    steps: tuple[CompiledStep, ...] = ()
    undo: "CompiledNode | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Nodes by key, the edges between them, the nodes it starts with, and its cycles.

    ``callbacks`` and ``approvals`` are the keys of those who wait for a callback, or ask people.
    """

    nodes: Mapping[str, CompiledNode]
    edges: tuple[Edge, ...]
    starts: tuple[str, ...]
    cycles: Cycles
    callbacks: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
