"""No call keeps its execution longer than its time and a moment, whatever its code does."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from engine.calls import MOST_SHOWN, CallGroup, Calls
from engine.errors import Category
from engine.model.action import Effect
from engine.model.base import ExecutionId, Json
from engine.model.execution import Failure, Status, StepStatus
from engine.model.node import RetryPolicy
from engine.model.outcome import Failed, Outcome, Succeeded
from engine.model.workflow import WorkflowSettings
from engine.nodes.base import Attempt
from tests.fakes import START
from tests.unit.engine.flows import graph
from tests.unit.engine.test_drive import Bench, call

X = ExecutionId("x")
MOMENT = timedelta(milliseconds=20)
LATE = Failed(failure=Failure(code="late", message="late"))


class Stubborn:
    """A call that swallows every cancellation until the test lets it go."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.told = 0

    async def __call__(self) -> Outcome:
        while not self.gate.is_set():
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.told += 1
        return Succeeded(output="at last")


async def obedient() -> Outcome:
    await asyncio.sleep(60)
    raise AssertionError("nobody waits a minute")


def begin(
    group: CallGroup,
    call: Coroutine[Any, Any, Outcome],
    limit: timedelta = MOMENT,
    late: Callable[[], Outcome] | None = None,
) -> asyncio.Future[Outcome]:
    return group.begin(call, step="a", now=START, limit=limit, late=late or (lambda: LATE))


async def test_the_outcome_of_a_call_that_ends_in_time_is_its_own() -> None:
    async def quick() -> Outcome:
        return Succeeded(output=1)

    async with Calls() as calls, calls.group(X) as group:
        assert await begin(group, quick()) == Succeeded(output=1)
        assert calls.strays == 0


async def test_what_a_call_raises_reaches_who_waits() -> None:
    async def defect() -> Outcome:
        raise ZeroDivisionError

    async with Calls() as calls, calls.group(X) as group:
        with pytest.raises(ZeroDivisionError):
            await begin(group, defect())


async def test_a_call_that_swallows_its_cancellation_is_given_up_and_counted_until_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stubborn = Stubborn()
    async with Calls(grace=MOMENT) as calls:
        async with asyncio.timeout(5), calls.group(X) as group:
            assert await begin(group, stubborn()) == LATE
        assert (calls.strays, calls.report(START + timedelta(minutes=1))["strays"]) == (1, 1)
        assert stubborn.told > 0

        stubborn.gate.set()
        while calls.strays:
            await asyncio.sleep(0)

    assert [(entry.levelno, entry.message) for entry in caplog.records] == [
        (logging.ERROR, "call given up: it did not end when its time was over"),
        (logging.WARNING, "stray call ended"),
    ]


async def fail_beside(calls: Calls, *begun: Coroutine[Any, Any, Outcome]) -> None:
    """Begin calls, and end their group by an error."""
    async with calls.group(X) as group:
        for each in begun:
            begin(group, each, limit=timedelta(hours=1))
        await asyncio.sleep(0)
        raise LookupError


async def test_leaving_by_an_error_does_not_wait_for_a_call_that_does_not_end() -> None:
    stubborn = Stubborn()
    async with Calls(grace=MOMENT) as calls, asyncio.timeout(5):
        with pytest.raises(LookupError):
            await fail_beside(calls, stubborn(), obedient())

        assert calls.strays == 1, "the obedient one has ended"
        stubborn.gate.set()


async def test_cancelling_the_future_cancels_the_call() -> None:
    ended = asyncio.Event()

    async def told() -> Outcome:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        raise AssertionError

    async with Calls() as calls, calls.group(X) as group:
        future = begin(group, told(), limit=timedelta(hours=1))
        await asyncio.sleep(0)
        future.cancel()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_call_that_cancels_itself_has_an_outcome_too() -> None:
    async def gone() -> Outcome:
        raise asyncio.CancelledError

    async with Calls() as calls, calls.group(X) as group:
        assert await begin(group, gone()) == LATE


async def test_the_end_of_the_executor_waits_a_moment_for_strays_and_names_those_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stubborn = Stubborn()
    async with asyncio.timeout(5):
        async with Calls(grace=MOMENT) as calls, calls.group(X) as group:
            await begin(group, stubborn())

    assert caplog.records[-1].message == "call still running at the end of the executor"
    stubborn.gate.set()
    await asyncio.sleep(0)


async def test_the_heartbeat_shows_the_longest_calls_and_none_that_has_just_begun() -> None:
    async with Calls(grace=MOMENT) as calls, calls.group(X) as group:
        for number in range(MOST_SHOWN + 2):
            group.begin(
                obedient(),
                step=f"s{number}",
                now=START + timedelta(seconds=number),
                limit=MOMENT * 100,
                late=lambda: LATE,
            )
        young = calls.report(START + timedelta(seconds=1))
        old = calls.report(START + timedelta(hours=1))

    assert young == {"strays": 0, "calls": []}
    assert len(old["calls"]) == MOST_SHOWN
    assert old["calls"][0] == {"execution": "x", "step": "s0", "since": START.isoformat()}


async def drive_stuck(bench: Bench, *, timeout: timedelta, retry: RetryPolicy | None = None) -> tuple[Any, Stubborn]:
    """Drive an execution whose call swallows cancellations; it has no time at all."""
    stubborn = Stubborn()
    bench.calls = Calls(grace=MOMENT)

    async def act(_: Attempt) -> Json:
        bench.clock.advance(timeout)
        await stubborn()
        return None

    flow = graph(call("a", retry=retry, timeout=timeout), settings=WorkflowSettings(timeout=MOMENT))
    async with asyncio.timeout(5):
        end = await bench.run(flow, {"a": act})
    stubborn.gate.set()
    await asyncio.sleep(0)
    return end, stubborn


async def test_a_step_whose_call_never_returns_fails_and_may_be_tried_again() -> None:
    bench = Bench()

    end, _ = await drive_stuck(bench, timeout=timedelta(), retry=RetryPolicy(max_attempts=2))

    assert (end.status, end.wait_reason) == (Status.WAITING, "retry")
    (step,) = bench.recorder.stored()
    assert step.error is not None
    assert (step.status, step.error.code, step.error.category) == (
        StepStatus.RETRYING,
        "step_timeout",
        Category.TIMEOUT,
    )
    assert "nor when it was told to" in step.error.message


async def test_an_unrepeatable_call_that_never_returns_has_an_unknown_outcome() -> None:
    bench = Bench(effect=Effect.UNREPEATABLE)

    end, _ = await drive_stuck(bench, timeout=timedelta(), retry=RetryPolicy(max_attempts=2))

    assert (end.status, end.error.code) == (Status.FAILED, "outcome_unknown")


async def test_where_the_executions_time_is_up_that_is_the_reason() -> None:
    bench = Bench()

    end, _ = await drive_stuck(bench, timeout=MOMENT, retry=RetryPolicy(max_attempts=2))

    assert (end.status, end.error.code, end.error.step) == (Status.FAILED, "execution_timeout", "a")
