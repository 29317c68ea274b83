"""What somebody who publishes should know: a definition may name workflows that are not there, or not yet."""

from engine.model.base import ProjectId
from engine.model.waiting import ChildSpec
from engine.model.workflow import Definition
from engine.placed_nodes import placed_nodes
from engine.ports import UnitOfWork


async def publish_warnings(uow: UnitOfWork, project: ProjectId, definition: Definition) -> list[str]:
    """Return a line for each workflow that the definition names and that could not be started now."""
    named = {}
    if definition.settings.on_failure is not None:
        named["settings.on_failure"] = definition.settings.on_failure
    for at, node in placed_nodes(definition):
        if isinstance(node.spec, ChildSpec) and "{{" not in node.spec.workflow:
            named[".".join(map(str, (*at, "workflow")))] = node.spec.workflow
    lines = []
    for place, name in named.items():
        workflow = None if name == definition.name else await uow.workflows.find(project, name)
        if name != definition.name and workflow is None:
            lines.append(f'{place}: there is no workflow "{name}" yet')
        elif workflow is not None and workflow.published is None:
            lines.append(f'{place}: the workflow "{name}" is {workflow.status.value}; nothing of it can start yet')
    return lines
