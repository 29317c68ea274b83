"""Runs a version in memory from its event to its end: pure nodes and code run, calls are answered, waits pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from engine.attempts import Attempts, Tools
from engine.drive import drive
from engine.errors import ExpressionError, LimitExceeded
from engine.graph import Graph
from engine.history import history
from engine.model.base import ExecutorId, Json
from engine.model.execution import Failure, Status, StepRecord, StepStatus
from engine.model.node import NodeKind
from engine.nodes import PURE
from engine.nodes.base import EffectHandler
from engine.trials.answers import UNANSWERED, AnswerHandler, SeenCall
from engine.trials.recording import Occasion
from engine.trials.virtual import MemoryRecords, VirtualClock

OWNER: Final = ExecutorId("trial")
MOST_STEPS: Final = 2_000
MOST_WAITS: Final = 500
LARGEST: Final = 64 * 1024 * 1024
"""How many bytes of outputs, as JSON, a trial may hold."""


class TrialStatus(StrEnum):
    """How a trial ended; ``incomplete``: it cannot go on without an answer, ``stopped``: it reached a limit."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    STOPPED = "stopped"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRun:
    """What a version would have done. ``steps`` are completed like those of a stored execution.

    ``calls`` are those it would have made, by path and attempt, ``unanswered`` the paths that wait for an answer;
    ``reason`` says why it was not started, or where it was stopped.
    """

    status: TrialStatus
    steps: Sequence[StepRecord] = ()
    skipped: Sequence[str] = ()
    calls: Mapping[tuple[str, int], SeenCall] | None = None
    unanswered: Sequence[str] = ()
    output: Json = None
    error: Failure | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a trial plays on."""

    handler: AnswerHandler
    code: EffectHandler
    clock: VirtualClock

    def tools(self, records: MemoryRecords) -> Tools:
        """The tools of an executor that reaches nothing."""
        answered: dict[NodeKind, EffectHandler] = {kind: self.handler for kind in NodeKind if kind not in PURE}
        answered[NodeKind.LOOP] = self.handler  # of a loop whose iterations run in other executions
        return Tools(
            owner=OWNER,
            effects={**answered, NodeKind.CODE: self.code},
            recorder=records,
            clock=self.clock,
            jitter=lambda: 0.0,
            is_alive=lambda: True,
        )


async def run_trial(graph: Graph, occasion: Occasion, stage: Stage) -> TrialRun:
    """Run a version in memory until nothing can go on; bounded in steps, waits and, by the stage's clock, in time."""
    records = MemoryRecords(most=MOST_STEPS, largest=LARGEST)
    stopped = ""
    try:
        await _play(graph, occasion, stage, records)
    except* LimitExceeded as group:
        stopped = str(group.exceptions[0])
    told = history(graph, occasion.trigger_key, mapped_data(graph, occasion, stage), records.steps())
    last = records.last
    unanswered = tuple(step.path for step in told.steps if step.wait_reason == UNANSWERED)
    status = _status(last.status if last is not None else Status.RUNNING, stopped)
    return TrialRun(
        status=status,
        steps=told.steps,
        skipped=told.skipped,
        calls=dict(stage.handler.seen),
        unanswered=unanswered,
        output=last.output if last is not None and status is TrialStatus.SUCCEEDED else None,
        error=last.error if last is not None and status is TrialStatus.FAILED else None,
        reason=stopped or (f"no recorded answer for {', '.join(unanswered)}" if unanswered else ""),
    )


def mapped_data(graph: Graph, occasion: Occasion, stage: Stage) -> Json:
    """The trigger's data as the workflow sees them; as they came where the trigger's ``map`` fails."""
    try:
        return Attempts(occasion.claimed(graph), graph, stage.tools(MemoryRecords())).data
    except ExpressionError:
        return occasion.data


async def _play(graph: Graph, occasion: Occasion, stage: Stage, records: MemoryRecords) -> None:
    """Drive, let time pass until the next wait is over, and drive again, like executors that follow one another."""
    tools = stage.tools(records)
    for _ in range(MOST_WAITS):
        claimed = occasion.claimed(graph, steps=records.steps(), woken_at=stage.clock.now())
        await drive(claimed, graph, tools)
        if records.last is None or records.last.status is not Status.WAITING:
            return
        if not _let_pass(records, stage, claimed.deadline_at):
            return
    raise LimitExceeded(f"the trial waited {MOST_WAITS} times, which is the limit")


def _let_pass(records: MemoryRecords, stage: Stage, deadline_at: datetime) -> bool:
    """End what the execution waits for; false if nothing but a missing answer is left."""
    latest = {step.path: step for step in records.steps()}
    waiting = [step for step in latest.values() if step.status in (StepStatus.WAITING, StepStatus.RETRYING)]
    timed = [step.due_at for step in waiting if step.wait_reason != UNANSWERED and step.due_at is not None]
    if not timed:
        return False
    stage.clock.jump(min(*timed, deadline_at))
    return True


def _status(status: Status, stopped: str) -> TrialStatus:
    if stopped:
        return TrialStatus.STOPPED
    match status:
        case Status.SUCCEEDED:
            return TrialStatus.SUCCEEDED
        case Status.FAILED:
            return TrialStatus.FAILED
        case _:
            return TrialStatus.INCOMPLETE
