"""Code nodes: what the source is given, and what each way a run can end means for the step."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.errors import Category, LimitExceeded, StepTimeout, WorkerLost
from engine.graph import Graph
from engine.model.action import Effect
from engine.model.base import ExecutionId, Json, JsonObject, ProjectId
from engine.model.node import CodeLimits, CodeSpec, NodeKind
from engine.model.outcome import Failed, Outcome, Succeeded
from engine.nodes.base import Attempt
from engine.nodes.code import CodeHandler
from engine.workers import Ending, Language, Ran, Run
from tests.unit.engine.flows import NOON, graph, lone_visit, node


class FakeWorkers:
    """Answers every run with the same, and keeps what it was asked."""

    def __init__(self, answer: Ran | Exception | None) -> None:
        self.answer = answer
        self.runs: list[Run] = []

    async def run(self, run: Run) -> Ran:
        self.runs.append(run)
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer is not None
        return self.answer


def attempt(source: str, *, timeout: timedelta = timedelta(minutes=5), **scope: Json) -> Attempt:
    spec = CodeSpec(language="javascript", source=source, limits=CodeLimits(time=timedelta(seconds=2), memory=7))
    flow: Graph = graph(replace(node("n", NodeKind.CODE, spec=spec), timeout=timeout))
    names: JsonObject = {"input": 1, "steps": {"a": 2}, "vars": {"v": 3}, "trigger": {"data": 4}, "now": "x", **scope}
    visit = lone_visit(flow.nodes["n"], "n#2")
    return Attempt(visit, names, names["input"], NOON, NOON + timedelta(days=1), ExecutionId("x"), ProjectId("p"))


async def ended(ran: Ran) -> Outcome:
    return await CodeHandler(FakeWorkers(ran)).prepare(attempt("return 1")).perform()


async def failure(ran: Ran) -> Failed:
    outcome = await ended(ran)
    assert isinstance(outcome, Failed)
    return outcome


async def test_the_run_has_the_source_and_its_limits() -> None:
    workers = FakeWorkers(Ran(ending=Ending.RETURNED))

    await CodeHandler(workers).prepare(attempt("return input")).perform()

    [run] = workers.runs
    assert (run.language, run.source, run.time, run.memory) == (Language.JAVASCRIPT, "return input", 2.0, 7)
    assert (run.output, run.console) == (1024 * 1024, 64 * 1024)


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("return 1", {}),
        ("return input", {"input": 1}),
        ("return steps.a + vars.v", {"steps": {"a": 2}, "vars": {"v": 3}}),
        ("return trigger['data']", {"trigger": {"data": 4}}),
    ],
)
async def test_only_the_names_that_the_source_writes_are_sent(source: str, given: dict[str, Any]) -> None:
    workers = FakeWorkers(Ran(ending=Ending.RETURNED))

    await CodeHandler(workers).prepare(attempt(source)).perform()

    assert workers.runs[0].names == {"input": None, "steps": None, "vars": None, "trigger": None, **given}


def test_more_than_the_limit_is_not_sent() -> None:
    workers = FakeWorkers(Ran(ending=Ending.RETURNED))

    with pytest.raises(LimitExceeded, match="the code is given 9000"):
        CodeHandler(workers).prepare(attempt("return input", input="x" * 9_000_000))

    assert workers.runs == []


def test_repeating_it_is_harmless() -> None:
    assert CodeHandler(FakeWorkers(None)).prepare(attempt("return 1")).effect is Effect.PURE


async def test_the_result_and_the_console_become_the_output_and_the_log() -> None:
    outcome = await ended(Ran(ending=Ending.RETURNED, value=[1], log=("a", "b")))

    assert outcome == Succeeded(output=[1], log=("a", "b"))


@pytest.mark.parametrize(
    ("ran", "code", "category", "message"),
    [
        (Ran(ending=Ending.THROWN, message="line 3: E: x"), "code_failed", Category.PERMANENT, "line 3: E: x"),
        (Ran(ending=Ending.THROWN), "code_failed", Category.PERMANENT, "did not say why"),
        (Ran(ending=Ending.TIME), "step_timeout", Category.TIMEOUT, "limits.time, 2 s"),
        (Ran(ending=Ending.MEMORY), "limit_exceeded", Category.PERMANENT, "limits.memory, 7 bytes"),
        (Ran(ending=Ending.OUTPUT, message="has 9 bytes"), "limit_exceeded", Category.PERMANENT, "has 9 bytes; limits"),
    ],
)
async def test_each_bad_end_has_its_code_and_category(ran: Ran, code: str, category: Category, message: str) -> None:
    outcome = await failure(ran)

    assert (outcome.failure.code, outcome.failure.category, outcome.failure.step) == (code, category, "n#2")
    assert message in outcome.failure.message


async def test_a_run_that_failed_keeps_its_console_output() -> None:
    outcome = await failure(Ran(ending=Ending.THROWN, message="no", log=("was here",)))

    assert outcome.log == ("was here",)


async def test_a_lost_worker_is_worth_another_attempt() -> None:
    with pytest.raises(WorkerLost) as caught:
        await CodeHandler(FakeWorkers(WorkerLost("it died"))).prepare(attempt("return 1")).perform()

    assert caught.value.category is Category.TRANSIENT


async def test_waiting_for_a_worker_counts_against_the_time_of_the_node() -> None:
    call = CodeHandler(FakeWorkers(None)).prepare(attempt("return 1", timeout=timedelta(milliseconds=5)))

    with pytest.raises(StepTimeout, match="the node's time limit"):
        await call.perform()
