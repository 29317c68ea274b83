"""Workflows, their versions and what a check of a text found."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.model.workflow import Version, Workflow, WorkflowStatus
from engine.versions import Standing


class WorkflowView(Struct, frozen=True, kw_only=True):
    """A workflow. ``published`` is the number of the version that new events run, ``latest`` that of the newest one.

    ``warnings`` come with the answer to publishing: what the published version names and is not there yet.
    """

    id: str
    name: str
    description: str
    status: WorkflowStatus
    published: int | None
    latest: int
    created_at: datetime
    updated_at: datetime
    warnings: list[str] = []


class WorkflowPage(Struct, frozen=True, kw_only=True):
    """Workflows, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[WorkflowView]
    next: str | None


class VersionView(Struct, frozen=True, kw_only=True):
    """A version without its text. Equal hashes run alike.

    ``published_at``, ``published_by`` and ``publish_note`` are about the last time it was published, ``null`` if never.
    """

    id: str
    number: int
    hash: str
    note: str
    created_at: datetime
    created_by: str
    published: bool
    published_at: datetime | None
    published_by: str | None
    publish_note: str | None
    labels: list[str]


class VersionDetail(VersionView, frozen=True, kw_only=True):
    """A version with its ``text`` as its author sent it, and the same as plain JSON."""

    text: str
    document: dict[str, Any]


class VersionList(Struct, frozen=True, kw_only=True):
    """All versions of a workflow, newest first."""

    items: list[VersionView]


class SavedView(Struct, frozen=True, kw_only=True):
    """A workflow after its text was saved; ``created`` is false if the newest version said the same already."""

    workflow: WorkflowView
    version: VersionView
    created: bool


class CheckedView(Struct, frozen=True, kw_only=True):
    """A text without problems: the keys of what it declares, and the hash it would have."""

    name: str
    hash: str
    triggers: list[str]
    nodes: list[str]


def workflow_view(workflow: Workflow, *, published: int | None) -> WorkflowView:
    return WorkflowView(
        id=workflow.id,
        name=workflow.name,
        description=workflow.description,
        status=workflow.status,
        published=published,
        latest=workflow.latest,
        created_at=workflow.created_at,
        updated_at=workflow.updated_at,
    )


def version_view(version: Version, workflow: Workflow, standing: Standing) -> VersionView:
    return VersionView(**_shared(version, workflow, standing))


def version_detail(version: Version, workflow: Workflow, standing: Standing) -> VersionDetail:
    return VersionDetail(**_shared(version, workflow, standing), text=version.text, document=version.document)


def _shared(version: Version, workflow: Workflow, standing: Standing) -> dict[str, Any]:
    publication = standing.publications.get(version.id)
    return {
        "id": version.id,
        "number": version.number,
        "hash": version.hash,
        "note": version.note,
        "created_at": version.created_at,
        "created_by": version.created_by,
        "published": version.id == workflow.published,
        "published_at": publication.published_at if publication else None,
        "published_by": publication.published_by if publication else None,
        "publish_note": publication.note if publication else None,
        "labels": list(standing.labels.get(version.id, ())),
    }
