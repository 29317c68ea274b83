"""The verdict of the chaos test sees each way of losing or doubling something, and forgives what a kill explains."""

import random
from dataclasses import replace

import pytest

from tests.chaos.evidence import Call, Child, Evidence, Run, Step
from tests.chaos.faults import ALWAYS, Fault, Kind, plan
from tests.chaos.flow import Flow
from tests.chaos.flows import flows
from tests.chaos.sending import Accepted
from tests.chaos.verdict import judge

FLOWS = {flow.name: flow for flow in flows("http://echo.test")}
CHAIN: Flow = FLOWS["chain"]
KILL = Fault(kind=Kind.KILL_EXECUTOR, target="executor-1", began=101.0, ended=102.0)
GOOD = Evidence(
    accepted=[Accepted(id="chain-1", flow="chain", event_id="e1", execution_id="x1")],
    calls=[
        Call(at=100.0, path="/chain/first", key="x1:first", id="chain-1", status=200),
        Call(at=100.5, path="/chain/second", key="x1:second", id="chain-1", status=200),
    ],
    runs=[Run(id="x1", event_id="e1", sender_id="chain-1", status="succeeded")],
    steps=[
        Step(execution_id="x1", path=path, attempt=1, seq=seq, status="succeeded")
        for seq, path in enumerate(("first", "shape", "second"), start=1)
    ],
    differences={"t1": 0},
)
AGAIN = Call(at=117.0, path="/chain/second", key="x1:second", id="chain-1", status=200)


def said(evidence: Evidence) -> str:
    return "\n".join(judge(evidence, [CHAIN]).problems)


def test_nothing_lost_is_no_problem() -> None:
    assert not judge(GOOD, [CHAIN]).problems


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (replace(GOOD, runs=[]), "has 0 executions"),
        (replace(GOOD, runs=[*GOOD.runs, replace(GOOD.runs[0], id="x2")]), "has 2 executions"),
        (replace(GOOD, runs=[replace(GOOD.runs[0], status="failed")]), "is failed"),
        (replace(GOOD, runs=[replace(GOOD.runs[0], event_id="e2")]), "other ids"),
        (replace(GOOD, runs=[*GOOD.runs, replace(GOOD.runs[0], id="x2", sender_id="chain-2")]), "never accepted"),
        (replace(GOOD, strays=["e9"]), "without its execution"),
        (replace(GOOD, dead_letters=["x1 second"]), "dead letter"),
        (replace(GOOD, differences={"t1": 1}), "off by 1"),
        (replace(GOOD, steps=GOOD.steps[:2]), "instead of"),
        (replace(GOOD, steps=[*GOOD.steps, replace(GOOD.steps[2], attempt=2, seq=4)]), "instead of"),
        (replace(GOOD, steps=[*GOOD.steps, replace(GOOD.steps[2], attempt=2, status="waiting")]), "left waiting"),
        (replace(GOOD, steps=[*GOOD.steps[:2], replace(GOOD.steps[2], seq=2)]), "under one number"),
        (replace(GOOD, calls=GOOD.calls[:1]), "never happened"),
        (replace(GOOD, calls=[GOOD.calls[0], replace(GOOD.calls[1], status=503)]), "never happened"),
        (replace(GOOD, calls=[*GOOD.calls, AGAIN]), "without a kill"),
        (replace(GOOD, calls=[*GOOD.calls, replace(AGAIN, key="x1:other")], faults=[KILL]), "several keys"),
        (replace(GOOD, calls=[*GOOD.calls, replace(AGAIN, id="chain-7")]), "nobody sent"),
        (replace(GOOD, calls=[GOOD.calls[0], replace(GOOD.calls[1], key="x7:second")]), "another key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_broken_promise_is_seen(bad: Evidence, word: str) -> None:
    assert word in said(bad)


def test_an_effect_made_just_before_the_kill_of_an_executor_may_be_repeated() -> None:
    verdict = judge(replace(GOOD, calls=[*GOOD.calls, AGAIN], faults=[KILL]), [CHAIN])

    assert not verdict.problems
    assert verdict.repeats == 1


@pytest.mark.parametrize(
    "fault",
    [
        replace(KILL, kind=Kind.KILL_GATEWAY),
        replace(KILL, began=110.0, ended=111.0),
        replace(KILL, began=99.0, ended=99.5),
        replace(KILL, began=118.0, ended=119.0),
    ],
    ids=["another process", "long after the effect", "before the effect", "after the repetition"],
)
def test_other_faults_do_not_explain_a_repetition(fault: Fault) -> None:
    assert "without a kill" in said(replace(GOOD, calls=[*GOOD.calls, AGAIN], faults=[fault]))


def test_a_database_that_was_away_explains_why_an_effect_was_not_recorded_for_longer() -> None:
    late = replace(KILL, began=110.0, ended=111.0)
    away = Fault(kind=Kind.KILL_DATABASE, target="database", began=101.0, ended=109.0)

    assert not said(replace(GOOD, calls=[*GOOD.calls, AGAIN], faults=[late, away]))


@pytest.mark.parametrize("seconds", [10.0, 40.0, 600.0])
def test_a_plan_has_every_kind_of_fault_and_at_least_ten(seconds: float) -> None:
    planned = plan(seconds, random.Random(1))

    assert {fault.kind for fault in planned} >= set(ALWAYS)
    assert len(planned) >= 10
    assert all(0 < fault.after < seconds for fault in planned)


PARENT: Flow = FLOWS["parent"]
FAMILY = Evidence(
    accepted=[Accepted(id="parent-1", flow="parent", event_id="e1", execution_id="x1")],
    calls=[Call(at=100.0, path="/child/tell", key="c1:tell", id="parent-1", status=200)],
    runs=[Run(id="x1", event_id="e1", sender_id="parent-1", status="succeeded")],
    children=[Child(id="c1", parent_id="x1", status="succeeded")],
    steps=[
        Step(execution_id="x1", path=path, attempt=1, seq=seq, status="succeeded")
        for seq, path in enumerate(("start", "after"), start=1)
    ],
)


def test_a_family_that_did_what_it_should_is_no_problem() -> None:
    assert not judge(FAMILY, [PARENT]).problems


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (replace(FAMILY, children=[]), "has 0 children instead of 1"),
        (replace(FAMILY, children=[*FAMILY.children, replace(FAMILY.children[0], id="c2")]), "has 2 children"),
        (replace(FAMILY, children=[replace(FAMILY.children[0], status="cancelled")]), "a child is cancelled"),
        (replace(FAMILY, children=[*FAMILY.children, Child(id="c3", parent_id="x9", status="succeeded")]), "of x9"),
        (replace(FAMILY, calls=[]), "never happened"),
        (replace(FAMILY, calls=[replace(FAMILY.calls[0], key="x1:tell")]), "another key"),
    ],
)
def test_what_is_wrong_in_a_family_is_seen(bad: Evidence, word: str) -> None:
    assert any(word in problem for problem in judge(bad, [PARENT]).problems)


def test_a_step_that_should_have_been_given_up_is_seen() -> None:
    raced = FLOWS["raced"]
    run = Run(id="x1", event_id="e1", sender_id="raced-1", status="succeeded")
    steps = [
        Step(execution_id="x1", path=path, attempt=1, seq=seq, status="succeeded")
        for seq, path in enumerate(sorted(raced.steps), start=1)
    ]

    problems = judge(Evidence(runs=[run], steps=steps), [raced]).problems

    assert any("gave up [] instead of ['race.slow.pause']" in problem for problem in problems)
