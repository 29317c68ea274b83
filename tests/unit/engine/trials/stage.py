"""A stored execution and what a trial plays on, built from graphs: records come from driving with answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.graph import Graph
from engine.model.base import EventId, ExecutionId, Json, ProjectId, TriggerId, VersionId, WorkflowId
from engine.model.event import Event, Fate
from engine.model.execution import Execution, Status, StepRecord
from engine.model.workflow import Lane
from engine.nodes.code import CodeHandler
from engine.trials.answers import AnswerHandler, Answers, GivenAnswer
from engine.trials.recording import Occasion, Recording
from engine.trials.run import Stage, TrialRun, run_trial
from engine.trials.virtual import VirtualClock
from engine.workers import Ran, Run
from tests.unit.engine.flows import NOON


@dataclass
class StubWorkers:
    """Runs no code; it says what it would have run."""

    ran: list[Run] = field(default_factory=list)

    async def run(self, run: Run) -> Ran:
        raise AssertionError("no code runs here")


@dataclass
class Elapsed:
    """Real time, as far as a trial measures it: every look costs ``each`` seconds."""

    each: float = 0.0
    at: float = 0.0

    def __call__(self) -> float:
        self.at += self.each
        return self.at


def occasion(data: Json = None, *, trigger: str = "t") -> Occasion:
    return Occasion(
        execution_id=ExecutionId("x"),
        project_id=ProjectId("p"),
        workflow_id=WorkflowId("w"),
        trigger_key=trigger,
        event_id=EventId("e"),
        created_at=NOON,
        occurred_at=NOON,
        envelope={},
        data=data,
    )


def stage(
    records: tuple[StepRecord, ...] = (), given: Mapping[str, GivenAnswer] | None = None, *, elapsed: float = 0.0
) -> Stage:
    clock = VirtualClock(NOON, limit=timedelta(seconds=10), elapsed=Elapsed(elapsed))
    return Stage(handler=AnswerHandler(Answers(records, given)), code=CodeHandler(StubWorkers()), clock=clock)


async def ran(flow: Graph, answers: Mapping[str, Json], *, data: Json = None) -> TrialRun:
    """Run a graph whose calls get these outputs; its steps are as good as recorded ones."""
    given = {key: GivenAnswer(output=output) for key, output in answers.items()}
    return await run_trial(flow, occasion(data), stage((), given))


def recording(flow: Graph, run: TrialRun, *, data: Json = None, at: datetime = NOON) -> Recording:
    """What would be stored had an executor done this."""
    event = Event(
        id=EventId("e"),
        project_id=ProjectId("p"),
        workflow_id=WorkflowId("w"),
        trigger_id=TriggerId("t"),
        dedupe_key=None,
        occurred_at=at,
        accepted_at=at,
        envelope={},
        data=data,
        fate=Fate.STARTED,
        reason="",
        execution_id=ExecutionId("x"),
    )
    execution = Execution(
        id=ExecutionId("x"),
        project_id=ProjectId("p"),
        workflow_id=WorkflowId("w"),
        version_id=VersionId("v"),
        trigger_id=TriggerId("t"),
        trigger_key="t",
        event_id=EventId("e"),
        rerun_of=None,
        status=Status(run.status.value),
        lane=Lane.NORMAL,
        epoch=1,
        owner=None,
        created_at=at,
        woken_at=at,
        started_at=at,
        finished_at=at,
        due_at=None,
        wait_reason=None,
        output=run.output,
        error=None,
        response=None,
    )
    return Recording(event=event, trigger_key="t", execution=execution, records=tuple(run.steps), graph=flow)
