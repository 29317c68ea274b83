"""A checked definition, compiled once per version: expressions ready to evaluate, edges as indexes into arrays.

The planner walks it and handlers read it; it is immutable and shared by all executions of the version.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.cycles import NONE, find_cycles
from engine.errors import DefinitionError
from engine.expressions import Expression, Template, compile_expression, compile_template
from engine.flow import CompiledCache, CompiledNode, Flow
from engine.list_steps import compile_steps
from engine.model.arrival import Awaited
from engine.model.base import Json, JsonObject, VersionId
from engine.model.execution import Note
from engine.model.node import (
    Body,
    ConditionSpec,
    ConnectorSpec,
    DelaySpec,
    LoopSpec,
    Node,
    NodeKind,
    NodeSpec,
    ParallelSpec,
    RespondSpec,
    StopSpec,
    SwitchSpec,
    TransformSpec,
)
from engine.model.waiting import ApprovalSpec, ChildSpec, WaitSpec
from engine.model.workflow import Definition, Variable, WorkflowSettings
from engine.value_schemas import ValueSchema

PASSTHROUGH = frozenset({NodeKind.CONDITION, NodeKind.SWITCH, NodeKind.DELAY})
"""Kinds whose output is their input, so that it need not be stored twice."""

OUTCOME = frozenset({"outcome"})
"""What only the nodes of ``finally`` know: how the execution is going to end."""

UNDONE = frozenset({"output"})
"""What only an ``undo`` knows: what the node gave that it takes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One version, compiled.

    ``starts`` gives the start nodes per trigger key where they are not all of ``flow``'s; ``maps`` the templates that
    shape ``trigger.data``. ``closing`` runs when all else is over. ``caches`` says whether any node has a cache,
    ``callbacks`` whether any waits for a callback, ``approvals`` whether any asks people. ``entry`` is the loop of
    which a part is to run, see ``part``.
    """

    version_id: VersionId
    name: str
    flow: Flow
    closing: Flow | None
    starts: Mapping[str, tuple[str, ...]]
    maps: Mapping[str, Template]
    variables: Mapping[str, Variable]
    settings: WorkflowSettings
    caches: bool
    callbacks: bool
    entry: str | None = None
    approvals: bool = False

    @property
    def nodes(self) -> Mapping[str, CompiledNode]:
        """The outermost nodes by key."""
        return self.flow.nodes

    def part(self, entry: str) -> "Graph":
        """The version as an execution sees it that runs a part of one loop: nothing but that loop.

        Raises:
            DefinitionError: The version has no such node.
        """
        node = next((node for node in _all_nodes(self.flow) if node.place == entry), None)
        if node is None:
            raise DefinitionError(f'the version has no node "{entry}", a part of which is to run')
        alone = replace(node, inbound=(), outbound=(), undo=None, bypass=None)
        flow = Flow(nodes={node.key: alone}, edges=(), starts=(node.key,), cycles=NONE, callbacks=())
        return replace(self, flow=flow, closing=None, starts={}, maps={}, entry=entry)

    def containers(self) -> Mapping[str, NodeSpec]:
        """The nodes with others inside, by place."""
        return {node.place: node.node.spec for node in _all_nodes(self.flow) if node.bodies}

    def starts_for(self, trigger_key: str) -> tuple[str, ...]:
        """The nodes that an event of this trigger starts."""
        return self.starts.get(trigger_key, self.flow.starts)

    def initial_variables(self) -> JsonObject:
        """The variables at the start of an execution."""
        return {name: variable.default for name, variable in self.variables.items()}


def compile_graph(definition: Definition, version_id: VersionId) -> Graph:
    """Compile a definition that ``engine.definition`` has checked.

    Raises:
        DefinitionError: A text or a schema does not compile; only possible for a version stored by another release.
    """
    flow = _compile_flow(Body(nodes=definition.nodes, edges=definition.edges), "", frozenset())
    closing = _compile_flow(definition.closing, "finally.", OUTCOME) if definition.closing else None
    flows = [flow, closing] if closing else [flow]
    return Graph(
        version_id=version_id,
        name=definition.name,
        flow=flow,
        closing=closing,
        starts=definition.start,
        maps={
            key: compile_template(trigger.map)
            for key, trigger in definition.triggers.items()
            if trigger.map is not None
        },
        variables=definition.variables,
        settings=definition.settings,
        caches=any(node.cache is not None for each in flows for node in _all_nodes(each)),
        callbacks=any(_awaits(node.node, Awaited.CALLBACK) for each in flows for node in _all_nodes(each)),
        approvals=any(_awaits(node.node, Awaited.APPROVAL) for each in flows for node in _all_nodes(each)),
    )


def _all_nodes(flow: Flow) -> Iterator[CompiledNode]:
    for node in flow.nodes.values():
        yield node
        for body in node.bodies.values():
            yield from _all_nodes(body)


def _compile_flow(body: Body, place: str, names: frozenset[str]) -> Flow:
    cycles = find_cycles(tuple(body.nodes), body.edges)
    inbound: dict[str, list[int]] = {key: [] for key in body.nodes}
    outbound: dict[str, list[int]] = {key: [] for key in body.nodes}
    for index, edge in enumerate(body.edges):
        outbound[edge.source].append(index)
        if index not in cycles.closing:
            inbound[edge.target].append(index)
    nodes = {}
    for key, node in body.nodes.items():
        compiled = _Compiler(f"{place}{key}", names)
        nodes[key] = compiled.node(node, inbound=inbound[key], outbound=outbound[key])
    return Flow(
        nodes=nodes,
        edges=body.edges,
        starts=tuple(key for key in nodes if not inbound[key]),
        cycles=cycles,
        callbacks=tuple(key for key, node in body.nodes.items() if _awaits(node, Awaited.CALLBACK)),
        approvals=tuple(key for key, node in body.nodes.items() if _awaits(node, Awaited.APPROVAL)),
    )


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Compiles one node; ``names`` are in scope beyond the usual ones."""

    place: str
    names: frozenset[str]

    def node(self, node: Node, *, inbound: Sequence[int] = (), outbound: Sequence[int] = ()) -> CompiledNode:
        tests, templates = self._spec(node.spec)
        kept = node.cache
        return CompiledNode(
            key=node.key,
            place=self.place,
            kind=node.kind,
            node=node,
            inbound=tuple(inbound),
            outbound=tuple(outbound),
            tests=tests,
            templates=templates,
            input=self._template(node.input) if node.has_input else None,
            assign=self._template(node.assign) if node.assign else None,
            passes_input=node.disabled or (node.kind in PASSTHROUGH and not node.has_input and not node.has_pin),
            bypass=Note.DISABLED if node.disabled else Note.PINNED if node.has_pin else None,
            input_schema=_compile_schema(node.key, node.input_schema),
            output_schema=_compile_schema(node.key, node.output_schema),
            cache=CompiledCache(key=self._template(kept.key), lifetime=kept.lifetime) if kept else None,
            bodies=self._bodies(node.spec),
            steps=compile_steps(node.spec.steps, names=self.names) if isinstance(node.spec, TransformSpec) else (),
            undo=_Compiler(f"{self.place}.undo", self.names | UNDONE).node(node.undo) if node.undo else None,
        )

    def _bodies(self, spec: NodeSpec) -> Mapping[str, Flow]:
        if isinstance(spec, LoopSpec):
            return {"": _compile_flow(spec.body, f"{self.place}.", self.names | loop_names(spec))}
        if isinstance(spec, ParallelSpec):
            branches = spec.branches.items()
            return {name: _compile_flow(body, f"{self.place}.{name}.", self.names) for name, body in branches}
        return {}

    def _template(self, value: Json) -> Template:
        return compile_template(value, names=self.names)

    def _expression(self, text: str) -> Expression:
        return compile_expression(text, names=self.names)

    def _spec(self, spec: NodeSpec) -> tuple[tuple[Expression, ...], Mapping[str, Template]]:
        match spec:
            case ConditionSpec():
                return (self._expression(spec.test),), {}
            case WaitSpec(match=str(match)):
                return (self._expression(match),), {}
            case SwitchSpec():
                return tuple(self._expression(case.when) for case in spec.cases), {}
            case DelaySpec(until=str(until)):
                return (self._expression(until),), {}
            case LoopSpec(test=str(test)):
                inside = _Compiler(self.place, self.names | loop_names(spec))
                return (inside._expression(test),), {}
            case _:
                return (), {name: self._template(value) for name, value in _holes(spec).items()}


def loop_names(spec: LoopSpec) -> frozenset[str]:
    """The names that only the inside of a loop knows."""
    return frozenset({"item", "index", spec.alias} if spec.alias else {"item", "index"})


def _holes(spec: NodeSpec) -> Mapping[str, Json]:
    """The fields of a kind that may hold templates, by the name its handler knows them by."""
    match spec:
        case ConnectorSpec():
            return {"inputs": spec.inputs}
        case TransformSpec():
            return {"template": spec.template}
        case DelaySpec():
            return {"duration": spec.duration}
        case RespondSpec():
            return {"status": spec.status, "headers": spec.headers, "body": spec.body}
        case StopSpec():
            return {"output": spec.output, "message": spec.message}
        case WaitSpec():
            return {"execution": spec.execution}
        case ApprovalSpec():
            return {"assignees": spec.assignees, "title": spec.title, "message": spec.message}
        case ChildSpec():
            return {"workflow": spec.workflow, "version": spec.version, "inputs": spec.inputs}
        case LoopSpec(times=None):
            return {"over": spec.over}
        case LoopSpec():
            return {"times": spec.times}
        case _:
            return {}


def _awaits(node: Node, awaited: Awaited) -> bool:
    """Whether a node waits for this from outside, if it runs at all."""
    spec = node.spec
    waits = isinstance(spec, ApprovalSpec) and awaited is Awaited.APPROVAL
    return (waits or (isinstance(spec, WaitSpec) and spec.awaited is awaited)) and not (node.disabled or node.has_pin)


def _compile_schema(key: str, schema: JsonObject | None) -> ValueSchema | None:
    try:
        return None if schema is None else ValueSchema(schema)
    except ValueError as exc:
        raise DefinitionError(f'a schema of the node "{key}" cannot be used: {exc}') from exc
