"""Which trigger starts a workflow that is started by name, and whether an input suits it."""

from engine.errors import InvalidInput
from engine.model.base import Json, ProjectId
from engine.model.trigger import Trigger
from engine.model.workflow import Definition, ManualSpec, TriggerKind, Workflow
from engine.ports import UnitOfWork
from engine.routes import MANUAL_KEY
from engine.value_schemas import ValueSchema


async def manual_trigger(uow: UnitOfWork, project: ProjectId, workflow: Workflow) -> Trigger | None:
    """The active manual trigger of a published workflow, the one called ``manual`` if there are several."""
    routes = await uow.triggers.list(project, workflow_id=workflow.id, kind=TriggerKind.MANUAL)
    active = {route.trigger.key: route.trigger for route in routes if route.trigger.active}
    return active.get(MANUAL_KEY) or next(iter(active.values()), None)


def require_input(definition: Definition, key: str, data: Json) -> None:
    """Raises InvalidInput: the data do not satisfy the trigger's ``input_schema``; the message says where."""
    trigger = definition.triggers.get(key)
    if trigger is None or not isinstance(trigger.spec, ManualSpec) or trigger.spec.input_schema is None:
        return
    try:
        problem = ValueSchema(trigger.spec.input_schema).problem(data, "input")
    except ValueError as exc:
        raise InvalidInput(f'the input_schema of the trigger "{key}" cannot be used: {exc}') from exc
    if problem is not None:
        text = f'the input_schema of the trigger "{key}" of "{definition.name}" is not satisfied'
        raise InvalidInput(f"{text}: {problem}")
