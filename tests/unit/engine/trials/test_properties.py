"""What holds for every workflow: a version tried on what it did itself does the same, and stepping changes nothing."""

from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.graph import Graph
from engine.model.debugging import DebugPlan
from engine.model.execution import Status, StepRecord
from engine.model.node import Body, ConditionSpec, ConnectorSpec, DelaySpec, LoopSpec, Node, NodeKind, TransformSpec
from engine.model.workflow import Definition
from engine.trials.comparison import Verdict
from engine.trials.run import TrialStatus
from engine.trials.trial import Candidate, tried
from tests.unit.engine.flows import graph, node
from tests.unit.engine.test_stops import Debugger
from tests.unit.engine.trials.stage import occasion, ran, recording, stage

PORTS = {NodeKind.CONDITION: ("true", "false")}
KINDS = [NodeKind.TRANSFORM, NodeKind.CONDITION, NodeKind.CONNECTOR, NodeKind.DELAY, NodeKind.LOOP]
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
Told: TypeAlias = dict[tuple[str, int], tuple[str, tuple[str, ...], object]]


@st.composite
def flows(draw: st.DrawFn, *, delays: bool = True) -> Graph:
    """A random graph of up to seven nodes that compute, choose, call, wait and repeat, and show what they were given."""
    size = draw(st.integers(1, 7))
    kinds = [
        draw(st.sampled_from([kind for kind in KINDS if delays or kind is not NodeKind.DELAY])) for _ in range(size)
    ]
    edges = []
    for target in range(1, size):
        for source in draw(st.sets(st.integers(0, target - 1), max_size=2)):
            port = draw(st.sampled_from(PORTS.get(kinds[source], ("main",))))
            edges.append(f"n{source}.{port} -> n{target}")
    return graph(*(_node(f"n{index}", kind, draw) for index, kind in enumerate(kinds)), edges=tuple(edges))


def _node(key: str, kind: NodeKind, draw: st.DrawFn) -> Node:
    match kind:
        case NodeKind.CONDITION:
            return node(key, kind, spec=ConditionSpec(test=draw(st.sampled_from(["true", "false", "now == ''"]))))
        case NodeKind.CONNECTOR:
            return node(key, kind, spec=ConnectorSpec(use="a.b", inputs={"given": "{{ input }}", "at": "{{ now }}"}))
        case NodeKind.DELAY:
            return node(key, kind, spec=DelaySpec(duration=draw(st.sampled_from(["1s", "1h"]))))
        case NodeKind.LOOP:
            inner = node("inner", NodeKind.CONNECTOR, spec=ConnectorSpec(use="a.b", inputs={"n": "{{ index }}"}))
            return node(key, kind, spec=LoopSpec(times=draw(st.integers(0, 3)), body=Body(nodes={"inner": inner})))
        case _:
            return node(key, kind, spec=TransformSpec(template=[key, "{{ input }}"]))


def answers(flow: Graph) -> dict[str, str]:
    calls = {key: f"{key} answered" for key, each in flow.nodes.items() if each.kind is NodeKind.CONNECTOR}
    loops = {f"{key}.inner": "inner answered" for key, each in flow.nodes.items() if each.kind is NodeKind.LOOP}
    return {**calls, **loops}


@given(flows(), st.integers(0, 3))
@SOME
async def test_a_version_tried_on_what_it_did_itself_does_the_same(flow: Graph, data: int) -> None:
    done = await ran(flow, answers(flow), data=data)
    assert done.status is TrialStatus.SUCCEEDED

    candidate = Candidate(definition=Definition(name="t", nodes={}, edges=()), graph=flow)
    trial = await tried(candidate, recording(flow, done, data=data), occasion(data), stage())

    assert {step.verdict for step in trial.steps} <= {Verdict.SAME}
    assert (trial.run.status, trial.run.output) == (done.status, done.output)
    for step in trial.steps:
        assert step.before is not None
        assert step.after is not None
        assert (step.before.call is None) is (step.after.call is None)


@given(flows(delays=False))
@SOME
async def test_stepping_through_an_execution_gives_what_running_it_gives(flow: Graph) -> None:
    given = {key.rpartition(".")[2]: answer for key, answer in answers(flow).items()}
    plain, stepped = Debugger(flow, data=1, actions=given), Debugger(flow, data=1, actions=given)

    whole = await plain.drive(None)
    record, stops = await stepped.drive(DebugPlan(stepping=True)), 0
    while record.status is Status.PAUSED:
        record, stops = await stepped.drive(DebugPlan(stepping=True)), stops + 1

    assert (record.status, record.output) == (whole.status, whole.output)
    assert told(stepped.steps()) == told(plain.steps())
    assert stops == len({step.path for step in plain.steps()})


def told(steps: tuple[StepRecord, ...]) -> Told:
    return {
        (step.path, step.attempt): (step.status.value, step.ports, step.output) for step in steps if not step.is_mark
    }
