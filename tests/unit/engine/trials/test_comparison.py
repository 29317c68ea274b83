"""Comparing a trial with what was done: a verdict for every step, calls as the old version rendered them."""

from engine.graph import Graph
from engine.model.base import Json
from engine.model.node import ConditionSpec, ConnectorSpec, DelaySpec, Node, NodeKind, TransformSpec
from engine.model.workflow import Definition, ManualSpec, TriggerDefinition, TriggerKind, Variable
from engine.trials.answers import AnsweredBy
from engine.trials.comparison import StepComparison, Verdict, summary
from engine.trials.recomputing import recompute_calls, state_at
from engine.trials.run import TrialStatus
from engine.trials.trial import Candidate, Trial, tried
from tests.unit.engine.flows import NOON, graph, node
from tests.unit.engine.trials.stage import occasion, ran, recording, stage


def call(key: str, **inputs: Json) -> Node:
    return node(key, NodeKind.CONNECTOR, spec=ConnectorSpec(use="shop.charge", inputs=inputs))


def transform(key: str, template: Json) -> Node:
    return node(key, spec=TransformSpec(template=template))


def candidate(flow: Graph, *, trigger: TriggerDefinition | None = None) -> Candidate:
    triggers = {} if trigger is None else {trigger.key: trigger}
    return Candidate(definition=Definition(name="test", nodes={}, edges=(), triggers=triggers), graph=flow)


async def compare(old: Graph, new: Graph, answers: dict[str, Json], *, data: Json = None) -> Trial:
    done = await ran(old, answers, data=data)
    return await tried(candidate(new), recording(old, done, data=data), occasion(data), stage())


def by_path(trial: Trial) -> dict[str, StepComparison]:
    return {step.path: step for step in trial.steps}


async def test_the_same_version_is_the_same_in_every_step() -> None:
    flow = graph(
        transform("a", "{{ trigger.data.n + 1 }}"), call("ask", n="{{ steps.a }}", at="{{ now }}"), edges=("a -> ask",)
    )

    trial = await compare(flow, flow, {"ask": "fine"}, data={"n": 1})

    assert {step.verdict for step in trial.steps} == {Verdict.SAME}
    assert summary(trial.steps) == "every step is the same"


async def test_inputs_of_the_old_call_are_recomputed_and_the_places_that_differ_are_named() -> None:
    old = graph(
        transform("a", "{{ trigger.data * 2 }}"),
        call("ask", body={"n": "{{ steps.a }}", "fixed": 1}),
        edges=("a -> ask",),
    )
    new = graph(
        transform("a", "{{ trigger.data * 3 }}"),
        call("ask", body={"n": "{{ steps.a }}", "fixed": 1}),
        edges=("a -> ask",),
    )

    trial = await compare(old, new, {"ask": "fine"}, data=2)

    ask = by_path(trial)["ask"]
    assert (ask.verdict, ask.text) == (Verdict.OTHER_INPUTS, "would be called with other inputs: body.n")
    assert [(one.path, one.before, one.after) for one in ask.inputs] == [("body.n", 4, 6)]
    assert ask.output == ()
    assert summary(trial.steps) == "1 called with other inputs, 1 giving something else"


async def test_another_path_shows_what_is_newly_called_and_no_longer_called() -> None:
    def flow(test: str) -> Graph:
        choose = node("if", NodeKind.CONDITION, spec=ConditionSpec(test=test))
        return graph(choose, call("yes"), call("no"), edges=("if.true -> yes", "if.false -> no"))

    trial = await compare(flow("true"), flow("false"), {"yes": 1})

    verdicts = {path: step.verdict for path, step in by_path(trial).items()}
    assert verdicts == {"if": Verdict.OTHER_PATH, "no": Verdict.NEWLY_CALLED, "yes": Verdict.NO_LONGER_CALLED}
    assert by_path(trial)["no"].unanswered
    assert by_path(trial)["no"].text == "would be called, which it was not: shop.charge; no recorded answer"
    assert trial.run.status is TrialStatus.INCOMPLETE


async def test_now_alone_makes_no_difference_because_both_are_shown_the_same_time() -> None:
    old = graph(
        node("nap", NodeKind.DELAY, spec=DelaySpec(duration="1h")), call("ask", at="{{ now }}"), edges=("nap -> ask",)
    )
    new = graph(
        node("nap", NodeKind.DELAY, spec=DelaySpec(duration="2h")), call("ask", at="{{ now }}"), edges=("nap -> ask",)
    )

    trial = await compare(old, new, {"ask": 1})

    assert by_path(trial)["ask"].verdict is Verdict.SAME


async def test_a_filter_of_the_draft_that_refuses_the_event_is_said() -> None:
    flow = graph(call("ask"))
    refusing = TriggerDefinition(key="t", kind=TriggerKind.MANUAL, spec=ManualSpec(), filter="trigger.data > 5")
    done = await ran(flow, {"ask": 1}, data=2)

    trial = await tried(candidate(flow, trigger=refusing), recording(flow, done, data=2), occasion(2), stage())

    assert (trial.run.status, trial.run.reason) == (TrialStatus.NOT_STARTED, "the filter is false: trigger.data > 5")
    assert by_path(trial)["ask"].verdict is Verdict.NO_LONGER_CALLED


async def test_a_trigger_that_the_draft_lacks_is_a_caution() -> None:
    flow = graph("a")
    other = TriggerDefinition(key="other", kind=TriggerKind.MANUAL, spec=ManualSpec())
    done = await ran(flow, {})

    trial = await tried(candidate(flow, trigger=other), recording(flow, done), occasion(), stage())

    assert trial.cautions == ('the version has no trigger "t" (it has other); all start nodes run',)


async def test_a_call_saw_the_variables_and_steps_of_the_moment_when_it_began() -> None:
    variables = {"n": Variable(type="number", default=0)}
    first = node("a", assign={"n": 1})
    flow = graph(
        first,
        call("ask", n="{{ vars.n }}"),
        node("z", assign={"n": 9}),
        edges=("a -> ask", "ask -> z"),
        variables=variables,
    )
    done = await ran(flow, {"ask": 1})

    calls = recompute_calls(flow, occasion(), tuple(done.steps), stage=stage(), nows={})

    assert calls["ask", 1].inputs == {"n": 1}
    assert calls["ask", 1].now == NOON.isoformat()


async def test_the_state_at_a_visit_is_that_before_it_began() -> None:
    flow = graph("a", "b", "c", edges=("a -> b", "b -> c"))
    done = await ran(flow, {})

    state = state_at(flow, occasion(), tuple(done.steps), path="b", stage=stage())

    assert list(state.root.outputs) == ["a"]
    assert "b" in state.pending


async def test_a_renamed_node_gets_the_answer_of_the_same_call_and_each_answer_serves_once() -> None:
    old = graph(call("ask", n="{{ trigger.data }}"))
    new = graph(call("query", n="{{ trigger.data }}"), call("again", n="{{ trigger.data }}"), call("other", n=9))

    trial = await compare(old, new, {"ask": "fine"}, data=2)

    steps = by_path(trial)
    assert trial.run.calls is not None
    assert {path: seen.answered_by for (path, _), seen in trial.run.calls.items()} == {
        "query": AnsweredBy.ALIKE,
        "again": AnsweredBy.NOBODY,
        "other": AnsweredBy.NOBODY,
    }
    assert steps["query"].verdict is Verdict.NEWLY_CALLED
    assert steps["query"].after is not None
    assert steps["query"].after.record.output == "fine"
    assert steps["ask"].verdict is Verdict.NO_LONGER_CALLED


async def test_a_call_that_was_added_beside_the_same_one_has_no_answer() -> None:
    old = graph(call("ask", n=1))
    new = graph(call("ask", n=1), call("twice", n=1))

    trial = await compare(old, new, {"ask": "fine"})

    assert trial.run.unanswered == ("twice",)
