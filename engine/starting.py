"""How a new execution is put together, whoever starts it: intake, the releaser, a rerun or replay, a parent."""

from datetime import datetime

from engine.model.base import EventId, ExecutionId, ProjectId, TriggerId, VersionId, WorkflowId, new_id
from engine.model.event import NewExecution
from engine.model.lineage import Parent
from engine.model.workflow import WorkflowSettings


def new_execution(
    *,
    project_id: ProjectId,
    workflow_id: WorkflowId,
    version_id: VersionId,
    trigger_id: TriggerId | None,
    trigger_key: str,
    event_id: EventId,
    settings: WorkflowSettings,
    now: datetime,
    reply_to: str | None = None,
    rerun_of: ExecutionId | None = None,
    parent: Parent | None = None,
    entry: str | None = None,
) -> NewExecution:
    """Return an execution with a new id that is still to be stored and announced.

    Lane and time limit are those of ``settings``, which are the version's; the limit counts from ``now``.
    """
    return NewExecution(
        id=ExecutionId(new_id()),
        project_id=project_id,
        workflow_id=workflow_id,
        version_id=version_id,
        trigger_id=trigger_id,
        trigger_key=trigger_key,
        event_id=event_id,
        lane=settings.priority,
        created_at=now,
        deadline_at=now + settings.timeout,
        reply_to=reply_to,
        rerun_of=rerun_of,
        parent=parent,
        entry=entry,
    )
