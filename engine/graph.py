"""A checked definition, compiled once per version: expressions ready to evaluate, edges as indexes into arrays.

The planner walks it and handlers read it; it is immutable and shared by all executions of the version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from engine.errors import DefinitionError
from engine.expressions import Expression, Template, compile_expression, compile_template
from engine.model.arrival import Awaited
from engine.model.base import JsonObject, VersionId
from engine.model.execution import Note
from engine.model.node import (
    ConditionSpec,
    ConnectorSpec,
    DelaySpec,
    Edge,
    Node,
    NodeKind,
    NodeSpec,
    RespondSpec,
    StopSpec,
    SwitchSpec,
    TransformSpec,
    awaits,
)
from engine.model.workflow import Definition, Variable, WorkflowSettings
from engine.value_schemas import ValueSchema

PASSTHROUGH = frozenset({NodeKind.CONDITION, NodeKind.SWITCH, NodeKind.DELAY})
"""Kinds whose output is their input, so that it need not be stored twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCache:
    """When a kept output may stand in for a call."""

    key: Template
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledNode:
    """A node with what its handler needs.

    ``tests`` are the bare expressions of its kind in the order of the text, ``templates`` the fields with holes by
    name. ``inbound`` and ``outbound`` are indexes into ``Graph.edges``. ``passes_input`` says that its output can be
    derived from what came before it, ``bypass`` that it does not run, and why. A schema is ``None`` where any value
    will do.
    """

    key: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One version, compiled.

    ``starts`` gives the start nodes per trigger key, ``default_starts`` all others'; ``maps`` the templates that shape
    ``trigger.data``. ``caches`` says whether any node has a cache; ``callbacks`` names the nodes that wait for one.
    """

    version_id: VersionId
    name: str
    nodes: Mapping[str, CompiledNode]
    edges: tuple[Edge, ...]
    default_starts: tuple[str, ...]
    starts: Mapping[str, tuple[str, ...]]
    maps: Mapping[str, Template]
    variables: Mapping[str, Variable]
    settings: WorkflowSettings
    caches: bool
    callbacks: tuple[str, ...] = ()

    def starts_for(self, trigger_key: str) -> tuple[str, ...]:
        """The nodes that an event of this trigger starts."""
        return self.starts.get(trigger_key, self.default_starts)

    def initial_variables(self) -> JsonObject:
        """The variables at the start of an execution."""
        return {name: variable.default for name, variable in self.variables.items()}


def compile_graph(definition: Definition, version_id: VersionId) -> Graph:
    """Compile a definition that ``engine.definition`` has checked.

    Raises:
        DefinitionError: A text or a schema does not compile; only possible for a version stored by another release.
    """
    inbound: dict[str, list[int]] = {key: [] for key in definition.nodes}
    outbound: dict[str, list[int]] = {key: [] for key in definition.nodes}
    for index, edge in enumerate(definition.edges):
        outbound[edge.source].append(index)
        inbound[edge.target].append(index)
    nodes = {
        key: _compile_node(node, tuple(inbound[key]), tuple(outbound[key])) for key, node in definition.nodes.items()
    }
    return Graph(
        version_id=version_id,
        name=definition.name,
        nodes=nodes,
        edges=definition.edges,
        default_starts=tuple(key for key in nodes if not inbound[key]),
        starts=definition.start,
        maps={
            key: compile_template(trigger.map)
            for key, trigger in definition.triggers.items()
            if trigger.map is not None
        },
        variables=definition.variables,
        settings=definition.settings,
        caches=any(node.cache is not None for node in nodes.values()),
        callbacks=tuple(key for key, node in definition.nodes.items() if awaits(node, Awaited.CALLBACK)),
    )


def _compile_node(node: Node, inbound: tuple[int, ...], outbound: tuple[int, ...]) -> CompiledNode:
    tests, templates = _compile_spec(node.spec)
    return CompiledNode(
        key=node.key,
        kind=node.kind,
        node=node,
        inbound=inbound,
        outbound=outbound,
        tests=tests,
        templates=templates,
        input=compile_template(node.input) if node.has_input else None,
        assign=compile_template(node.assign) if node.assign else None,
        passes_input=node.disabled or (node.kind in PASSTHROUGH and not node.has_input and not node.has_pin),
        bypass=Note.DISABLED if node.disabled else Note.PINNED if node.has_pin else None,
        input_schema=_compile_schema(node.key, node.input_schema),
        output_schema=_compile_schema(node.key, node.output_schema),
        cache=CompiledCache(key=compile_template(node.cache.key), lifetime=node.cache.lifetime) if node.cache else None,
    )


def _compile_schema(key: str, schema: JsonObject | None) -> ValueSchema | None:
    try:
        return None if schema is None else ValueSchema(schema)
    except ValueError as exc:
        raise DefinitionError(f'a schema of the node "{key}" cannot be used: {exc}') from exc


def _compile_spec(spec: NodeSpec) -> tuple[tuple[Expression, ...], Mapping[str, Template]]:
    match spec:
        case ConnectorSpec():
            return (), {"inputs": compile_template(spec.inputs)}
        case TransformSpec():
            return (), {"template": compile_template(spec.template)}
        case ConditionSpec():
            return (compile_expression(spec.test),), {}
        case SwitchSpec():
            return tuple(compile_expression(case.when) for case in spec.cases), {}
        case DelaySpec(until=None):
            return (), {"duration": compile_template(spec.duration)}
        case DelaySpec(until=until):
            return (compile_expression(until or ""),), {}
        case RespondSpec():
            fields = {"status": spec.status, "headers": spec.headers, "body": spec.body}
            return (), {name: compile_template(value) for name, value in fields.items()}
        case StopSpec():
            return (), {"output": compile_template(spec.output), "message": compile_template(spec.message)}
        case _:
            return (), {}
