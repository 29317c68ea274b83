"""How people name a version of a workflow: by its number, as ``published``, or as ``latest``."""

import re

from engine.errors import Conflict, NotFound
from engine.model.workflow import Version, Workflow
from engine.ports import UnitOfWork

PUBLISHED = "published"
LATEST = "latest"


async def find_version(uow: UnitOfWork, workflow: Workflow, which: str) -> Version:
    """Return the version that a word or a number names.

    Raises:
        NotFound: There is none.
        Conflict: It is the published one, and none is published.
    """
    if which == LATEST:
        return await uow.workflows.version_by_number(workflow.id, workflow.latest)
    if which == PUBLISHED:
        if workflow.published is None:
            raise Conflict(f'"{workflow.name}" has no published version; name one by its number')
        return await uow.workflows.version(workflow.published)
    if re.fullmatch("[0-9]{1,9}", which):
        return await uow.workflows.version_by_number(workflow.id, int(which))
    raise NotFound(f'there is no version "{which[:20]}"')
