"""The versions of a workflow: look at them, and say what differs between two of them or from a text."""

import asyncio
from typing import Annotated

from msgspec import Meta

from engine.diff import diff
from engine.errors import InvalidRequest
from engine.model.access import Scope
from engine.versions import LATEST, find_version
from gateway.endpoints import Call, Endpoint, RawBody
from gateway.inputs import Query
from gateway.texts import MEDIA, read_text, text_of
from gateway.views.diffs import DiffView, diff_view
from gateway.views.workflows import VersionDetail, VersionList, version_detail, version_view

Which = Annotated[str, Meta(min_length=1, max_length=64, description="a number, `published` or `latest`")]


class DiffQuery(Query, frozen=True, kw_only=True):
    """The other version: ``to`` shows what changes from this one to it, ``against`` from it to this one."""

    to: Which | None = None
    against: Which | None = None


class TextDiffQuery(Query, frozen=True, kw_only=True):
    """The version that the text is compared with."""

    against: Which = LATEST


async def list_versions(call: Call[Query, None]) -> VersionList:
    """List the versions of a workflow, newest first."""
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        versions = await uow.workflows.versions(workflow.id)
    return VersionList(items=[version_view(version, workflow) for version in versions])


async def get_version(call: Call[Query, None]) -> VersionDetail:
    """Get a version with its text, by its number, or as `published` or `latest`."""
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        version = await find_version(uow, workflow, call.key("number"))
    return version_detail(version, workflow)


async def diff_versions(call: Call[DiffQuery, None]) -> DiffView:
    """Say what differs between two versions.

    Every change has its place and a sentence that says what it means. One of `to` and `against` must be given.
    """
    query = call.query
    if (query.to is None) is (query.against is None):
        raise InvalidRequest("name the other version, with one of to and against")
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        this = await find_version(uow, workflow, call.key("number"))
        other = await find_version(uow, workflow, query.to or query.against or LATEST)
    before, after = (this, other) if query.to is not None else (other, this)
    changes = await asyncio.to_thread(diff, before.document, after.document)
    return diff_view(changes, before=before.number, after=after.number)


async def diff_text(call: Call[TextDiffQuery, RawBody]) -> DiffView:
    """Say what a text would change if it were saved.

    Nothing is stored. The answer to a text with problems is 422, with every one of them.
    """
    text = text_of(read_text(call.body))
    _, document = await asyncio.to_thread(call.hub.publishing.check, text)
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        before = await find_version(uow, workflow, call.query.against)
    changes = await asyncio.to_thread(diff, before.document, document)
    return diff_view(changes, before=before.number, after=None)


_ALL = "/workflows/{workflow}/versions"
_ONE = f"{_ALL}/{{number}}"

endpoints = [
    Endpoint(method="GET", path=_ALL, handler=list_versions, scope=Scope.READ),
    Endpoint(method="GET", path=_ONE, handler=get_version, scope=Scope.READ, refusals=(409,)),
    Endpoint(method="GET", path=f"{_ONE}/diff", handler=diff_versions, scope=Scope.READ, refusals=(409,)),
    Endpoint(
        method="POST",
        path="/workflows/{workflow}/diff",
        handler=diff_text,
        scope=Scope.READ,
        refusals=(409, 422),
        media=MEDIA,
    ),
]
