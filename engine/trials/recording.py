"""What is stored about an event and the execution it became, as far as a trial needs it."""

from dataclasses import dataclass
from datetime import datetime

from engine.graph import Graph
from engine.model.base import EventId, ExecutionId, Json, JsonObject, ProjectId, VersionId, WorkflowId
from engine.model.event import Event
from engine.model.execution import Claimed, Execution, StepRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A stored event with the execution that is looked at, if it became any.

    ``trigger_key`` is empty where the trigger is gone and nothing was started. ``graph`` is that of the version that
    ran; ``None`` if this release cannot read it, or nothing ran.
    """

    event: Event
    trigger_key: str = ""
    execution: Execution | None = None
    records: tuple[StepRecord, ...] = ()
    graph: Graph | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What an execution in memory begins with: everything about it that expressions see and that is no state."""

    execution_id: ExecutionId
    project_id: ProjectId
    workflow_id: WorkflowId
    trigger_key: str
    event_id: EventId
    created_at: datetime
    occurred_at: datetime
    envelope: JsonObject
    data: Json

    def claimed(
        self,
        graph: Graph,
        *,
        steps: tuple[StepRecord, ...] = (),
        woken_at: datetime | None = None,
        deadline_at: datetime | None = None,
    ) -> Claimed:
        """Return it as if an executor owned it: time counts from its creation, as it did for the stored one."""
        return Claimed(
            id=self.execution_id,
            project_id=self.project_id,
            workflow_id=self.workflow_id,
            version_id=VersionId(graph.version_id),
            trigger_key=self.trigger_key,
            event_id=self.event_id,
            epoch=1,
            created_at=self.created_at,
            woken_at=woken_at or self.created_at,
            deadline_at=deadline_at or self.created_at + graph.settings.timeout,
            reply_to=None,
            occurred_at=self.occurred_at,
            envelope=self.envelope,
            data=self.data,
            steps=steps,
        )


def occasion_of(recording: Recording, *, trigger_key: str, execution_id: ExecutionId) -> Occasion:
    """Return the occasion of a stored event. ``execution_id`` counts where no execution of it is looked at."""
    event, execution = recording.event, recording.execution
    return Occasion(
        execution_id=execution_id if execution is None else execution.id,
        project_id=event.project_id,
        workflow_id=event.workflow_id,
        trigger_key=trigger_key,
        event_id=event.id,
        created_at=event.accepted_at if execution is None else execution.created_at,
        occurred_at=event.occurred_at,
        envelope=event.envelope,
        data=event.data,
    )
