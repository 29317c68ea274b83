"""How people name a version of a workflow: by its number, by a label, or by a word such as ``published``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import Conflict, NotFound
from engine.model.base import VersionId, WorkflowId
from engine.model.publication import Publication
from engine.model.workflow import Version, Workflow
from engine.ports import UnitOfWork

PUBLISHED = "published"
LATEST = "latest"
PREVIOUS = "previous"
WORDS = (PUBLISHED, LATEST, PREVIOUS)
"""What no label may be called. ``previous`` is the newest one before the published one that was published, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known about the versions of a workflow: the last publication of each, and their labels."""

    publications: Mapping[VersionId, Publication]
    labels: Mapping[VersionId, Sequence[str]]


async def find_version(uow: UnitOfWork, workflow: Workflow, which: str) -> Version:
    """Return the version that a word, a label or a number names.

    Raises:
        NotFound: There is none.
        Conflict: It is said relative to the published one, and none is published.
    """
    if re.fullmatch("[0-9]{1,9}", which):
        return await uow.workflows.version_by_number(workflow.id, int(which))
    if which == LATEST:
        return await uow.workflows.version_by_number(workflow.id, workflow.latest)
    if which in (PUBLISHED, PREVIOUS):
        return await _published(uow, workflow, which)
    for label in await uow.publications.labels(workflow.id):
        if label.name == which:
            return await uow.workflows.version(label.version_id)
    raise NotFound(f'"{workflow.name}" has no version "{which[:64]}"')


async def standing(uow: UnitOfWork, workflow_id: WorkflowId) -> Standing:
    """Read who published the versions of a workflow last, and how they are labelled."""
    publications = {one.version_id: one for one in reversed(await uow.publications.list(workflow_id))}
    labels: dict[VersionId, list[str]] = {}
    for label in await uow.publications.labels(workflow_id):
        labels.setdefault(label.version_id, []).append(label.name)
    return Standing(publications=publications, labels=labels)


async def _published(uow: UnitOfWork, workflow: Workflow, which: str) -> Version:
    if workflow.published is None:
        raise Conflict(f'"{workflow.name}" has no published version; name one by its number')
    published = await uow.workflows.version(workflow.published)
    if which == PUBLISHED:
        return published
    once = {publication.version_id for publication in await uow.publications.list(workflow.id)}
    for version in await uow.workflows.versions(workflow.id):
        if version.number < published.number and version.id in once:
            return version
    raise Conflict(
        f'no version of "{workflow.name}" before version {published.number} was ever published; name one by its number'
    )
