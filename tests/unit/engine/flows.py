"""Small graphs for tests, and a runner that plays outcomes without an executor."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engine.cycles import NONE
from engine.flow import CompiledNode, Flow
from engine.graph import Graph, compile_graph
from engine.model.base import Json, VersionId
from engine.model.execution import StepRecord
from engine.model.node import (
    Case,
    ConditionSpec,
    ConnectorSpec,
    DelaySpec,
    Edge,
    Join,
    Node,
    NodeKind,
    NodeSpec,
    OnError,
    RetryPolicy,
    StopSpec,
    SwitchSpec,
    TransformSpec,
)
from engine.model.outcome import Outcome, Succeeded
from engine.model.workflow import Definition, Variable, WorkflowSettings
from engine.planner import apply, begin
from engine.records import settle
from engine.state import Frame, State, Token, Visit

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

SPECS: Mapping[NodeKind, NodeSpec] = {
    NodeKind.TRANSFORM: TransformSpec(template="x"),
    NodeKind.CONDITION: ConditionSpec(test="true"),
    NodeKind.SWITCH: SwitchSpec(cases=(Case(when="true", port="a"), Case(when="true", port="b")), all_matching=True),
    NodeKind.DELAY: DelaySpec(duration="1h"),
    NodeKind.STOP: StopSpec(),
    NodeKind.CONNECTOR: ConnectorSpec(use="http.request"),
}


def lone_visit(node: CompiledNode, path: str = "n", arrivals: tuple[Token, ...] = ()) -> Visit:
    """A visit outside any execution, as a handler sees it."""
    flow = Flow(nodes={node.key: node}, edges=(), starts=(node.key,), cycles=NONE)
    frame = Frame(flow=flow, prefix="", data=None, names={}, outputs={})
    return Visit(path=path, node=node, frame=frame, arrivals=arrivals)


Play = Callable[[Visit], Outcome]


def node(
    key: str,
    kind: NodeKind = NodeKind.TRANSFORM,
    *,
    spec: NodeSpec | None = None,
    join: Join | None = None,
    retry: RetryPolicy | None = None,
    on_error: OnError = OnError.FAIL,
    assign: Mapping[str, Json] | None = None,
) -> Node:
    """A node of any kind with as little said as possible."""
    return Node(
        key=key,
        kind=kind,
        spec=spec or SPECS[kind],
        join=join or Join(),
        retry=retry or RetryPolicy(jitter=False),
        on_error=on_error,
        assign=dict(assign or {}),
    )


def graph(
    *nodes: Node | str,
    edges: tuple[str, ...] = (),
    variables: Mapping[str, Variable] | None = None,
    start: Mapping[str, tuple[str, ...]] | None = None,
    settings: WorkflowSettings | None = None,
) -> Graph:
    """Compile nodes (a text is a transform of that key) and edges written ``a.port -> b``."""
    made = [node(each) if isinstance(each, str) else each for each in nodes]
    definition = Definition(
        name="test",
        nodes={each.key: each for each in made},
        edges=tuple(_edge(text) for text in edges),
        variables=dict(variables or {}),
        start=dict(start or {}),
        settings=settings or WorkflowSettings(),
    )
    return compile_graph(definition, VersionId("v"))


def play(
    flow: Graph, how: Play | None = None, *, data: Json = None, trigger: str = "t"
) -> tuple[State, list[StepRecord]]:
    """Run visits first in, first out until none is ready; return the state and all records."""
    state, records = begin(flow, trigger, data), []
    while state.ready and state.ending is None:
        for visit in state.take_ready():
            outcome = how(visit) if how else Succeeded(output=f"{visit.path} done")
            records.append(step(state, visit, outcome))
    return state, records


def step(state: State, visit: Visit, outcome: Outcome, *, now: datetime = NOON) -> StepRecord:
    """Settle one visit and apply the record."""
    record = settle(state, visit, outcome, started_at=now, now=now, jitter=0.0)
    apply(state, record)
    return record


def _edge(text: str) -> Edge:
    source, _, target = (part.strip() for part in text.partition("->"))
    key, _, port = source.partition(".")
    return Edge(source=key, port=port or "main", target=target)
