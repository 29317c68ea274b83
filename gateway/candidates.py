"""What is tried out: a version of a workflow by its name, or a text that is not saved."""

import asyncio
from typing import Any

from msgspec import UNSET, UnsetType

from engine.errors import Conflict
from engine.graph import compile_graph
from engine.model.base import ProjectId, VersionId
from engine.model.workflow import Workflow
from engine.trials.service import Trials
from engine.trials.trial import Candidate
from engine.versions import find_version
from gateway.bootstrap import Hub
from gateway.texts import WorkflowText, text_of

DRAFT = VersionId("draft")
"""The id that a text has which is no version."""


async def find_candidate(
    hub: Hub, project: ProjectId, key: str, *, version: str, text: str | dict[str, Any] | UnsetType
) -> tuple[Workflow, Candidate]:
    """Return the workflow and what is tried: the text if there is one, else the version.

    Raises:
        NotFound; InvalidDefinition: The text has problems.
        Conflict: The version is named by the published one, and none is published.
    """
    async with hub.database.read() as uow:
        workflow = await uow.workflows.get(project, key)
        found = await find_version(uow, workflow, version) if text is UNSET else None
    if found is not None:
        graph = await hub.graphs.get(found.id)
        return workflow, Candidate(definition=await hub.graphs.definition(found.id), graph=graph)
    given = text_of(WorkflowText(definition=text if not isinstance(text, UnsetType) else ""))
    definition, _ = await asyncio.to_thread(hub.publishing.check, given)
    graph = await asyncio.to_thread(compile_graph, definition, DRAFT)
    return workflow, Candidate(definition=definition, graph=graph)


def trials_of(hub: Hub) -> Trials:
    """Raises Conflict: this process is no gateway."""
    if hub.trials is None:
        raise Conflict("only a gateway tries things out")
    return hub.trials
