"""What came of trying something out: one node, or a version beside what was done."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from engine.model.execution import Execution, Note, Status, StepStatus
from engine.model.node import NodeKind
from engine.trials.answers import AnsweredBy
from engine.trials.comparison import Side, StepComparison, Verdict, summary
from engine.trials.run import TrialRun, TrialStatus
from engine.trials.single import NodeRun, NodeStatus
from engine.trials.trial import Trial
from engine.trials.value_diff import Kind, ValueChange, value_changes

LARGEST: Final = 8 * 1024 * 1024
"""How many bytes of values an answer holds; those of later steps are left out, and marked as cut."""


class NodeRunView(Struct, frozen=True, kw_only=True):
    """What came of one node. ``input`` is what it saw under that name, ``inputs`` what its fields were rendered to.

    A call that was not made has the status `not_called`; ``answered_by`` says where a recorded answer came from.
    """

    path: str
    node: str
    kind: NodeKind
    status: NodeStatus
    input: Any
    inputs: Any
    output: Any
    ports: list[str]
    assigned: dict[str, Any] | None
    error: dict[str, Any] | None
    log: list[str]
    note: Note | None
    due_at: datetime | None
    wait_reason: str | None
    answered_by: AnsweredBy | None
    duration_ms: float


class ChangeInValue(Struct, frozen=True, kw_only=True):
    """One difference inside a value. ``path`` is empty for the whole value."""

    path: str
    kind: Kind
    before: Any
    after: Any


class StepSide(Struct, frozen=True, kw_only=True):
    """A step's last attempt on one side. ``inputs`` are those of a call, ``answered_by`` is said of the trial's."""

    status: StepStatus
    attempts: int
    ports: list[str]
    inputs: Any
    output: Any
    error: dict[str, Any] | None
    note: Note | None
    answered_by: AnsweredBy | None


class StepTrial(Struct, frozen=True, kw_only=True):
    """One step beside itself: ``before`` is what was done, ``after`` what would have been done.

    ``inputs`` and ``output`` are the places that differ, at most 20 of each. ``cut``: values were left out for their
    size.
    """

    path: str
    node: str
    verdict: Verdict
    text: str
    before: StepSide | None
    after: StepSide | None
    inputs: list[ChangeInValue]
    output: list[ChangeInValue]
    cut: bool = False


class DoneView(Struct, frozen=True, kw_only=True):
    """The stored execution that was compared with."""

    execution_id: str
    version_id: str
    status: Status
    output: Any
    error: dict[str, Any] | None


class WouldView(Struct, frozen=True, kw_only=True):
    """How the trial ended; ``reason`` says why it did not start, stopped, or is incomplete."""

    status: TrialStatus
    reason: str
    unanswered: list[str]
    output: Any
    error: dict[str, Any] | None


class TrialView(Struct, frozen=True, kw_only=True):
    """A trial. ``alike``: every step, the end and the output are the same; ``output`` are the places that differ."""

    event_id: str
    trigger_key: str
    alike: bool
    summary: str
    cautions: list[str]
    before: DoneView | None
    after: WouldView
    output: list[ChangeInValue]
    steps: list[StepTrial]


def node_run_view(ran: NodeRun) -> NodeRunView:
    return NodeRunView(
        path=ran.path,
        node=ran.node,
        kind=ran.kind,
        status=ran.status,
        input=ran.input,
        inputs=ran.inputs,
        output=ran.output,
        ports=list(ran.ports),
        assigned=None if ran.assigned is None else dict(ran.assigned),
        error=None if ran.error is None else ran.error.as_json(),
        log=list(ran.log),
        note=ran.note,
        due_at=ran.due_at,
        wait_reason=ran.reason,
        answered_by=ran.answered_by,
        duration_ms=ran.duration_ms,
    )


def trial_view(trial: Trial) -> TrialView:
    execution, run = trial.recording.execution, trial.run
    changes: Sequence[ValueChange] = ()
    if execution is not None and execution.status is Status.SUCCEEDED and run.status is TrialStatus.SUCCEEDED:
        changes = value_changes(execution.output, run.output)
    return TrialView(
        event_id=trial.recording.event.id,
        trigger_key=trial.recording.trigger_key,
        alike=_alike(trial) and not changes,
        summary=run.reason if run.status is TrialStatus.NOT_STARTED else summary(trial.steps),
        cautions=list(trial.cautions),
        before=None if execution is None else _done(execution),
        after=_would(run),
        output=_changes(changes),
        steps=_within(LARGEST, [_step(step) for step in trial.steps]),
    )


def _alike(trial: Trial) -> bool:
    execution = trial.recording.execution
    if execution is None or trial.run.status.value != execution.status.value:
        return False
    return all(step.verdict is Verdict.SAME for step in trial.steps)


def _done(execution: Execution) -> DoneView:
    return DoneView(
        execution_id=execution.id,
        version_id=execution.version_id,
        status=execution.status,
        output=execution.output,
        error=execution.error,
    )


def _would(run: TrialRun) -> WouldView:
    return WouldView(
        status=run.status,
        reason=run.reason,
        unanswered=list(run.unanswered),
        output=run.output,
        error=None if run.error is None else run.error.as_json(),
    )


def _step(step: StepComparison) -> StepTrial:
    return StepTrial(
        path=step.path,
        node=step.node,
        verdict=step.verdict,
        text=step.text,
        before=None if step.before is None else _side(step.before, answered_by=None),
        after=None if step.after is None else _side(step.after, answered_by=_answered(step.after)),
        inputs=_changes(step.inputs),
        output=_changes(step.output),
    )


def _answered(side: Side) -> AnsweredBy | None:
    return None if side.call is None else side.call.answered_by


def _side(side: Side, *, answered_by: AnsweredBy | None) -> StepSide:
    record = side.record
    return StepSide(
        status=record.status,
        attempts=record.attempt,
        ports=list(record.ports),
        inputs=None if side.call is None else side.call.inputs,
        output=record.output,
        error=None if record.error is None else record.error.as_json(),
        note=record.note,
        answered_by=answered_by,
    )


def _changes(changes: Sequence[ValueChange]) -> list[ChangeInValue]:
    return [ChangeInValue(path=one.path, kind=one.kind, before=one.before, after=one.after) for one in changes]


def _within(limit: int, steps: Sequence[StepTrial]) -> list[StepTrial]:
    """Leave the values of steps out as soon as those before them fill the answer."""
    shown: list[StepTrial] = []
    for step in steps:
        limit -= len(msgspec.json.encode(step))
        shown.append(step if limit >= 0 else _without_values(step))
    return shown


def _without_values(step: StepTrial) -> StepTrial:
    def bare(side: StepSide | None) -> StepSide | None:
        return None if side is None else msgspec.structs.replace(side, inputs=None, output=None)

    return msgspec.structs.replace(
        step, before=bare(step.before), after=bare(step.after), inputs=[], output=[], cut=True
    )
