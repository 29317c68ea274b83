"""What the API shows of executions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.model.base import EventId, ExecutionId, ProjectId, VersionId, WorkflowId
from engine.model.execution import Execution, Note, Status, StepRecord, StepStatus
from engine.model.workflow import Lane
from gateway.views.logs import log_lines
from gateway.views.steps import step_view

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def record(note: Note | None = None) -> StepRecord:
    return StepRecord(
        path="ask",
        node="ask",
        attempt=1,
        seq=1,
        status=StepStatus.SUCCEEDED,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=1),
        ports=("main",),
        note=note,
    )


@pytest.mark.parametrize("note", [None, *Note])
def test_a_step_shows_why_its_node_did_not_run(note: Note | None) -> None:
    assert step_view(record(note)).note is note


def execution() -> Execution:
    return Execution(
        id=ExecutionId("x"),
        project_id=ProjectId("p"),
        workflow_id=WorkflowId("w"),
        version_id=VersionId("v"),
        trigger_id=None,
        trigger_key="t",
        event_id=EventId("e"),
        rerun_of=None,
        status=Status.RUNNING,
        lane=Lane.NORMAL,
        epoch=1,
        owner=None,
        created_at=NOON,
        woken_at=NOON,
        started_at=NOON,
        finished_at=None,
        due_at=None,
        wait_reason=None,
        output=None,
        error=None,
        response=None,
    )


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (None, "succeeded"),
        *((note, f"succeeded ({note}, did not run)") for note in (Note.DISABLED, Note.PINNED, Note.CACHED)),
    ],
)
def test_the_log_says_that_a_node_did_not_run(note: Note | None, told: str) -> None:
    assert log_lines(execution(), None, [record(note)])[-1].message == told


def test_the_log_shows_where_a_debugged_execution_stood_and_what_was_changed_there() -> None:
    stop = replace(record(Note.STOPPED), path="shape@2", wait_reason="before")
    edit = replace(record(Note.EDITED), path="shape@3", log=("input edited by key:pbk_x",))

    lines = log_lines(execution(), None, [stop, edit])

    assert [(line.step, line.message) for line in lines if line.step] == [
        ("shape", "debugger: stopped before it"),
        ("shape", "debugger: input edited by key:pbk_x"),
    ]
