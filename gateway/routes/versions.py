"""The versions of a workflow: look at them, label them, say what differs between two of them or from a text."""

import asyncio
import re
from typing import Annotated

from msgspec import Meta

from engine.audit import Act
from engine.diff import diff
from engine.errors import InvalidRequest
from engine.labels import put_label, remove_label
from engine.model.access import Scope
from engine.versions import LATEST, WORDS, find_version, standing
from gateway.endpoints import Call, Endpoint, RawBody
from gateway.inputs import Query
from gateway.texts import MEDIA, read_text, text_of
from gateway.views.diffs import DiffView, diff_view
from gateway.views.workflows import VersionDetail, VersionList, VersionView, version_detail, version_view

LABEL = "[a-z][a-z0-9._-]{0,62}"

Which = Annotated[
    str, Meta(min_length=1, max_length=64, description="a number, a label, `published`, `latest` or `previous`")
]


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
        told = await standing(uow, workflow.id)
    return VersionList(items=[version_view(version, workflow, told) for version in versions])


async def get_version(call: Call[Query, None]) -> VersionDetail:
    """Get a version with its text.

    It is named by its number, by a label, or as `published`, `latest` or `previous`.
    """
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        version = await find_version(uow, workflow, call.key("number"))
        told = await standing(uow, workflow.id)
    return version_detail(version, workflow, told)


async def put_version_label(call: Call[Query, None]) -> VersionView:
    """Give a version a label.

    The version of this workflow that had the label loses it. Labels begin with a letter.
    """
    name = call.key("label")
    if not re.fullmatch(LABEL, name) or name in WORDS:
        form = "a to z first, then a to z, 0 to 9, ., _ and -, at most 63 in all"
        raise InvalidRequest(f'"{name[:64]}" cannot be a label: {form}, and none of {", ".join(WORDS)}')
    act = Act(call.caller.project, call.caller.actor)
    database = call.hub.database
    workflow, version = await put_label(
        database, call.hub.clock, act, workflow=call.key("workflow"), which=call.key("number"), name=name
    )
    async with database.read() as uow:
        told = await standing(uow, workflow.id)
    return version_view(version, workflow, told)


async def remove_version_label(call: Call[Query, None]) -> None:
    """Take a label off a version."""
    act = Act(call.caller.project, call.caller.actor)
    await remove_label(
        call.hub.database,
        call.hub.clock,
        act,
        workflow=call.key("workflow"),
        which=call.key("number"),
        name=call.key("label"),
    )


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
        method="PUT", path=f"{_ONE}/labels/{{label}}", handler=put_version_label, scope=Scope.WRITE, refusals=(409,)
    ),
    Endpoint(
        method="DELETE",
        path=f"{_ONE}/labels/{{label}}",
        handler=remove_version_label,
        scope=Scope.WRITE,
        status=204,
        refusals=(409,),
    ),
    Endpoint(
        method="POST",
        path="/workflows/{workflow}/diff",
        handler=diff_text,
        scope=Scope.READ,
        refusals=(409, 422),
        media=MEDIA,
    ),
]
