"""How a person may have an execution replayed: from where, on which version, with which input; and what that makes.

Anything but going on from the failed step makes a new execution, so that the old one's history stays as it was. It
counts as a rerun: the balance of the trigger knows only events that were accepted from outside.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from engine.errors import Conflict, DefinitionError, InvalidRequest
from engine.model.base import EventId, Json, VersionId, new_id
from engine.model.event import Event, Fate, NewExecution
from engine.model.execution import Execution
from engine.model.workflow import Definition, ManualSpec, Workflow, WorkflowStatus
from engine.ports import UnitOfWork
from engine.starting import new_execution
from engine.value_schemas import ValueSchema

START = "start"
FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``begin`` is ``start``, ``failed`` or the path of a step; ``data`` counts only where ``edited`` is true."""

    begin: str = FAILED
    published: bool = False
    edited: bool = False
    data: Json = None

    def check(self) -> None:
        """Raises InvalidRequest: going on in the middle with another version or input would not fit what ran."""
        if self.begin != START and (self.published or self.edited):
            what = "on the published version" if self.published else "with another input"
            raise InvalidRequest(f"what ran before a step does not fit {what}; replay from start")


def choose_version(workflow: Workflow, old: Execution, choice: Choice) -> VersionId:
    """Return the version that a new execution runs.

    Raises:
        Conflict: The old one has not ended, the workflow is archived, or nothing is published.
    """
    if not old.status.is_final:
        raise Conflict(f"the execution is {old.status.value}; cancel it first, or let it end")
    if workflow.status is WorkflowStatus.ARCHIVED:
        raise Conflict(f'the workflow "{workflow.name}" is archived; publish a version first')
    if not choice.published:
        return old.version_id
    if workflow.published is None:
        raise Conflict(f'the workflow "{workflow.name}" has no published version')
    return workflow.published


def rerun_of(old: Execution, definition: Definition, *, version_id: VersionId, now: datetime) -> NewExecution:
    """Return a new execution for the same event.

    Raises:
        Conflict: The old one ran only a part of a step, which means nothing by itself.
    """
    if old.entry is not None:
        raise Conflict(
            f"this is a part of the execution {old.parent_id}; replay that one, or this from the failed step"
        )
    return new_execution(
        project_id=old.project_id,
        workflow_id=old.workflow_id,
        version_id=version_id,
        trigger_id=old.trigger_id,
        trigger_key=old.trigger_key,
        event_id=old.event_id,
        settings=definition.settings,
        now=now,
        rerun_of=old.id,
    )


async def edited_event(
    uow: UnitOfWork, old: Execution, definition: Definition, *, data: Json, actor: str, now: datetime
) -> EventId:
    """Store the old execution's event with other data; return its id.

    It has no execution of its own, like an event whose execution was removed and which only a rerun needs: so it
    counts as accepted nowhere, and goes with the last rerun.

    Raises:
        Conflict: The old event is gone.
        InvalidRequest: The trigger has an ``input_schema``, and the data do not satisfy it.
        DefinitionError: That schema cannot be used.
    """
    event = await uow.events.find(old.project_id, old.event_id)
    if event is None:
        raise Conflict("the event of this execution was removed; start the workflow with the new input")
    _check_input(definition, old.trigger_key, data)
    edited: Event = replace(
        event,
        id=EventId(new_id()),
        dedupe_key=None,
        accepted_at=now,
        data=data,
        fate=Fate.STARTED,
        reason=f"the event {event.id} with data edited by {actor}, for a replay of the execution {old.id}",
        execution_id=None,
        first_event_id=None,
    )
    await uow.events.insert([edited])
    return edited.id


def _check_input(definition: Definition, key: str, data: Json) -> None:
    trigger = definition.triggers.get(key)
    if trigger is None or not isinstance(trigger.spec, ManualSpec) or trigger.spec.input_schema is None:
        return
    try:
        schema = ValueSchema(trigger.spec.input_schema)
    except ValueError as error:
        raise DefinitionError(f'the input_schema of the trigger "{key}" cannot be used: {error}') from error
    problem = schema.problem(data, "input")
    if problem is not None:
        raise InvalidRequest(f"the input does not satisfy the trigger's input_schema: {problem}")
