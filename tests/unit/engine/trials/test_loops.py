"""Trials of versions with loops, branches and a section that comes last: every iteration has its own place."""

import pytest

from engine.errors import InvalidRequest
from engine.graph import Graph, compile_graph
from engine.model.base import Json, VersionId
from engine.model.node import Body, ConnectorSpec, Edge, LoopSpec, Node, NodeKind, ParallelSpec, TransformSpec
from engine.model.workflow import Definition
from engine.trials.answers import GivenAnswer
from engine.trials.comparison import Verdict
from engine.trials.places import nodes_by_place
from engine.trials.recomputing import state_at
from engine.trials.run import TrialStatus, run_trial
from engine.trials.single import Effects, NodeStatus, Scene, bench_of
from engine.trials.trial import Candidate, Trial, tried
from engine.trials.virtual import MemoryRecords
from tests.unit.engine.flows import graph, node
from tests.unit.engine.trials.stage import occasion, ran, recording, stage


def call(key: str, **inputs: Json) -> Node:
    return node(key, NodeKind.CONNECTOR, spec=ConnectorSpec(use="shop.charge", inputs=inputs))


def transform(key: str, template: Json) -> Node:
    return node(key, spec=TransformSpec(template=template))


def loop(amount: str) -> Graph:
    """Asks for every item, and shows what came."""
    body = Body(
        nodes={"ask": call("ask", n=amount), "show": transform("show", "{{ steps.ask }} at {{ index }}")},
        edges=(Edge(source="ask", port="main", target="show"),),
    )
    each = node("each", NodeKind.LOOP, spec=LoopSpec(over="{{ trigger.data }}", body=body))
    return graph(transform("a", 10), each, edges=("a -> each",))


async def compared(old: Graph, new: Graph, *, data: Json) -> Trial:
    done = await ran(old, {"each.ask": "fine"}, data=data)
    assert done.status is TrialStatus.SUCCEEDED
    candidate = Candidate(definition=Definition(name="t", nodes={}, edges=()), graph=new)
    return await tried(candidate, recording(old, done, data=data), occasion(data), stage())


async def test_each_iteration_gets_its_own_recorded_answer_and_its_own_verdict() -> None:
    trial = await compared(loop("{{ item }}"), loop("{{ item if index == 0 else item * 2 }}"), data=[1, 2])

    steps = {step.path: step for step in trial.steps}
    assert trial.run.status is TrialStatus.SUCCEEDED
    assert steps["each[0].ask"].verdict is Verdict.SAME
    assert steps["each[1].ask"].verdict is Verdict.OTHER_INPUTS
    assert [(one.path, one.before, one.after) for one in steps["each[1].ask"].inputs] == [("n", 2, 4)]
    assert steps["each[1].show"].verdict is Verdict.SAME


async def test_an_iteration_more_has_no_recorded_answer_and_is_newly_called() -> None:
    old = loop("{{ item }}")
    done = await ran(old, {"each.ask": "fine"}, data=[1])
    candidate = Candidate(definition=Definition(name="t", nodes={}, edges=()), graph=old)

    trial = await tried(candidate, recording(old, done, data=[1]), occasion([1, 2]), stage())

    steps = {step.path: step for step in trial.steps}
    assert steps["each[1].ask"].verdict is Verdict.NEWLY_CALLED
    assert steps["each[1].ask"].text == "would be called, which it was not: shop.charge; no recorded answer"
    assert trial.run.status is TrialStatus.INCOMPLETE


async def test_branches_and_what_comes_last_have_places_too() -> None:
    branches = {"left": Body(nodes={"ask": call("ask")}), "right": Body(nodes={"b": transform("b", 1)})}
    both = Node(key="both", kind=NodeKind.PARALLEL, spec=ParallelSpec(branches=branches))
    undoable = Node(key="u", kind=NodeKind.CONNECTOR, spec=ConnectorSpec(use="a.b"), undo=call("undo"))
    definition = Definition(
        name="t", nodes={"both": both, "u": undoable}, edges=(), closing=Body(nodes={"tell": call("tell")})
    )
    flow = compile_graph(definition, VersionId("v"))

    run = await run_trial(
        flow, occasion(), stage((), {name: GivenAnswer(output=name) for name in ("both.left.ask", "u", "finally.tell")})
    )

    assert run.status is TrialStatus.SUCCEEDED
    assert set(nodes_by_place(flow)) == {"both", "both.left.ask", "both.right.b", "u", "u.undo", "finally.tell"}


async def test_a_node_in_a_loop_runs_alone_with_the_names_of_its_iteration() -> None:
    flow = loop("{{ item }}")
    placed, trial = nodes_by_place(flow)["each.show"], stage()
    tools = trial.tools(MemoryRecords())
    scene = Scene(names={"item": 5, "index": 3}, steps={"ask": "given"})

    bench = bench_of(flow, placed, claimed=occasion().claimed(flow), scene=scene, tools=tools, stored=None)
    alone = await bench.run(Effects.NONE)

    assert (alone.status, alone.output, alone.path) == (NodeStatus.SUCCEEDED, "given at 3", "each.show")


async def test_a_visit_of_a_stored_execution_gives_a_node_in_a_loop_all_it_needs() -> None:
    flow = loop("{{ item }}")
    done = await ran(flow, {"each.ask": "fine"}, data=[7, 8])
    trial, path = stage(), "each[1].ask"
    stored = state_at(flow, occasion([7, 8]), tuple(done.steps), path=path, stage=trial)
    tools = trial.tools(MemoryRecords())
    claimed = occasion([7, 8]).claimed(flow)

    bench = bench_of(
        flow, nodes_by_place(flow)["each.ask"], claimed=claimed, scene=Scene(visit=path), tools=tools, stored=stored
    )
    alone = await bench.run(Effects.NONE)

    assert (alone.status, alone.inputs, alone.path) == (NodeStatus.NOT_CALLED, {"n": 8}, path)


def test_a_node_that_holds_others_cannot_run_alone() -> None:
    flow, trial = loop("{{ item }}"), stage()

    with pytest.raises(InvalidRequest, match="holds other nodes"):
        bench_of(
            flow,
            nodes_by_place(flow)["each"],
            claimed=occasion().claimed(flow),
            scene=Scene(),
            tools=trial.tools(MemoryRecords()),
            stored=None,
        )


async def test_a_loop_whose_iterations_ran_in_other_executions_is_answered_as_a_whole() -> None:
    def spread(over: str) -> Graph:
        spec = LoopSpec(over=over, body=Body(nodes={"ask": call("ask")}), spread_over=1)
        return graph(node("each", NodeKind.LOOP, spec=spec))

    old, new = spread("{{ trigger.data }}"), spread("{{ trigger.data + [9] }}")
    done = await run_trial(old, occasion([1, 2]), stage((), {"each": GivenAnswer(output=["a", "b"])}))
    candidate = Candidate(definition=Definition(name="t", nodes={}, edges=()), graph=new)

    trial = await tried(candidate, recording(old, done, data=[1, 2]), occasion([1, 2]), stage())

    (each,) = trial.steps
    assert trial.run.output == done.output == ["a", "b"]
    assert each.verdict is Verdict.OTHER_INPUTS
    assert [(one.path, one.kind, one.after) for one in each.inputs] == [("over[2]", "added", 9)]
