"""Workflows: their texts and versions, and what state they are in. Running one is in ``executing``."""

import asyncio
import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.definition import definition_hash
from engine.errors import InvalidRequest
from engine.model.access import Scope
from engine.model.workflow import Workflow, WorkflowStatus
from engine.ports import UnitOfWork
from engine.publish_warnings import publish_warnings
from engine.publishing import Saved
from engine.repositories import Page
from engine.versions import LATEST, PREVIOUS, Standing, standing
from gateway.api import Api
from gateway.endpoints import Call, Endpoint, RawBody
from gateway.inputs import Body, PageQuery, Query
from gateway.texts import MEDIA, read_text, text_of
from gateway.views.workflows import (
    CheckedView,
    SavedView,
    WorkflowPage,
    WorkflowView,
    version_view,
    workflow_view,
)

LARGEST_NUMBER = 2**31 - 1


class WorkflowQuery(PageQuery, frozen=True, kw_only=True):
    """Which workflows to list."""

    status: WorkflowStatus | None = None
    name: Annotated[str, Meta(max_length=200, description="a part of the name, in any case")] | None = None


class Activation(Body, frozen=True, kw_only=True):
    """Which version to publish, by its number or its label; the newest one if both are left out."""

    version: Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)] | None = None
    label: Annotated[str, Meta(min_length=1, max_length=63)] | None = None
    note: Annotated[str, Meta(max_length=2000, description="why; shown with the version")] = ""


class Rollback(Body, frozen=True, kw_only=True):
    """Which version to go back to; if it is left out, the newest one before this one that was published, too."""

    to: Annotated[str, Meta(min_length=1, max_length=63, description="a number or a label")] = PREVIOUS
    note: Annotated[str, Meta(max_length=2000, description="why; shown with the version")] = ""


async def list_workflows(call: Call[WorkflowQuery, None]) -> WorkflowPage:
    """List workflows, newest first."""
    query = call.query
    async with call.hub.database.read() as uow:
        found = await uow.workflows.list(
            call.caller.project, Page(limit=query.limit, after=query.after), status=query.status, name=query.name
        )
        items = [await _view(call.api, uow, workflow) for workflow in found]
    return WorkflowPage(items=items, next=found[-1].id if len(found) == query.limit else None)


async def create_workflow(call: Call[Query, RawBody]) -> SavedView:
    """Create a workflow as a draft.

    The body is its text in YAML or JSON, or JSON with ``definition`` and ``note``. All problems are reported together.
    """
    given = read_text(call.body)
    saved = await call.hub.publishing.create(
        call.caller.project, text_of(given), actor=call.caller.actor, note=given.note
    )
    call.headers["location"] = f"/api/v1/workflows/{saved.workflow.id}"
    return await _saved(call.api, saved, call.headers)


async def check_workflow(call: Call[Query, RawBody]) -> CheckedView:
    """Check a text without storing it.

    The answer to a text with problems is 422, with the place, line and column of every one of them.
    """
    text = text_of(read_text(call.body))
    definition, document = await asyncio.to_thread(call.hub.publishing.check, text)
    return CheckedView(
        name=definition.name,
        hash=definition_hash(document),
        triggers=list(definition.triggers),
        nodes=list(definition.nodes),
    )


async def get_workflow(call: Call[Query, None]) -> WorkflowView:
    """Get a workflow by its id or its name."""
    async with call.hub.database.read() as uow:
        workflow = await uow.workflows.get(call.caller.project, call.key("workflow"))
        call.headers["etag"] = f'"{workflow.latest}"'
        return await _view(call.api, uow, workflow)


async def save_workflow(call: Call[Query, RawBody]) -> SavedView:
    """Save a text as the next version.

    The published version stays published. With ``If-Match: "3"`` (the ``ETag`` of a workflow is its newest version's
    number) the answer is 409 if somebody has saved since version 3. A text that says the same as the newest version
    makes no version.
    """
    given = read_text(call.body)
    saved = await call.hub.publishing.save(
        call.caller.project,
        call.key("workflow"),
        text_of(given),
        actor=call.caller.actor,
        note=given.note,
        expected=_expected(call.request.headers.get("if-match")),
    )
    return await _saved(call.api, saved, call.headers)


async def delete_workflow(call: Call[Query, None]) -> None:
    """Delete a workflow with its history.

    One that is active or paused has to be archived first.
    """
    await call.hub.publishing.delete(call.caller.project, call.key("workflow"), actor=call.caller.actor)
    await call.take_effect()


async def activate_workflow(call: Call[Query, Activation]) -> WorkflowView:
    """Publish a version, by default the newest.

    New events run it from now on; its triggers and hooks change in the same moment. A paused workflow is resumed.
    Publishing an older version is how one rolls back.
    """
    body = call.body
    if body.version is not None and body.label is not None:
        raise InvalidRequest("name the version by its number or by its label, not by both")
    which = str(body.version or body.label or LATEST)
    workflow = await call.hub.publishing.publish(
        call.caller.project, call.key("workflow"), actor=call.caller.actor, which=which, note=body.note
    )
    await call.take_effect()
    return await _with_warnings(call, await _after(call.api, workflow), workflow)


async def roll_back_workflow(call: Call[Query, Rollback]) -> WorkflowView:
    """Publish an earlier version again.

    By default the newest one before the published one that was published, too: a second rollback goes further back.
    Executions that have begun go on with the version that they have.
    """
    workflow = await call.hub.publishing.publish(
        call.caller.project,
        call.key("workflow"),
        actor=call.caller.actor,
        which=call.body.to,
        note=call.body.note,
    )
    await call.take_effect()
    return await _after(call.api, workflow)


async def pause_workflow(call: Call[Query, None]) -> WorkflowView:
    """Stop starting executions.

    Events are held, or rejected if ``settings.while_paused`` says so. Executions that have begun go on.
    """
    workflow = await call.hub.publishing.pause(call.caller.project, call.key("workflow"), actor=call.caller.actor)
    await call.take_effect()
    return await _after(call.api, workflow)


async def resume_workflow(call: Call[Query, None]) -> WorkflowView:
    """Start executions again, with the published version.

    Held events follow in their order.
    """
    workflow = await call.hub.publishing.resume(call.caller.project, call.key("workflow"), actor=call.caller.actor)
    await call.take_effect()
    return await _after(call.api, workflow)


async def archive_workflow(call: Call[Query, None]) -> WorkflowView:
    """Take a workflow out of use.

    Its hooks answer like unknown ones; its history stays.
    """
    workflow = await call.hub.publishing.archive(call.caller.project, call.key("workflow"), actor=call.caller.actor)
    await call.take_effect()
    return await _after(call.api, workflow)


async def _view(api: Api, uow: UnitOfWork, workflow: Workflow) -> WorkflowView:
    published = None if workflow.published is None else await api.numbers.get(uow, workflow.published)
    return workflow_view(workflow, published=published)


async def _after(api: Api, workflow: Workflow) -> WorkflowView:
    async with api.hub.database.read() as uow:
        return await _view(api, uow, workflow)


async def _with_warnings(call: Call[Any, Any], view: WorkflowView, workflow: Workflow) -> WorkflowView:
    if workflow.published is None:
        return view
    definition = await call.hub.graphs.definition(workflow.published)
    async with call.hub.database.read() as uow:
        warnings = await publish_warnings(uow, call.caller.project, definition)
    return msgspec.structs.replace(view, warnings=warnings)


async def _standing(api: Api, workflow: Workflow) -> Standing:
    async with api.hub.database.read() as uow:
        return await standing(uow, workflow.id)


async def _saved(api: Api, saved: Saved, headers: dict[str, str]) -> SavedView:
    headers["etag"] = f'"{saved.workflow.latest}"'
    return SavedView(
        workflow=await _after(api, saved.workflow),
        version=version_view(saved.version, saved.workflow, await _standing(api, saved.workflow)),
        created=saved.created,
    )


def _expected(header: str | None) -> int | None:
    if header is None or header.strip() == "*":
        return None
    match = re.fullmatch(r'"?([0-9]{1,9})"?', header.strip())
    if match is None:
        raise InvalidRequest('If-Match holds the number of a version, as the ETag does: "3"')
    return int(match[1])


_ONE = "/workflows/{workflow}"

endpoints = [
    Endpoint(method="GET", path="/workflows", handler=list_workflows, scope=Scope.READ),
    Endpoint(
        method="POST",
        path="/workflows",
        handler=create_workflow,
        scope=Scope.WRITE,
        status=201,
        refusals=(409, 422),
        media=MEDIA,
    ),
    Endpoint(
        method="POST",
        path="/workflows/check",
        handler=check_workflow,
        scope=Scope.READ,
        refusals=(422,),
        media=MEDIA,
    ),
    Endpoint(method="GET", path=_ONE, handler=get_workflow, scope=Scope.READ),
    Endpoint(method="PUT", path=_ONE, handler=save_workflow, scope=Scope.WRITE, refusals=(409, 422), media=MEDIA),
    Endpoint(method="DELETE", path=_ONE, handler=delete_workflow, scope=Scope.WRITE, status=204, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/activate", handler=activate_workflow, scope=Scope.WRITE, refusals=(409, 422)),
    Endpoint(
        method="POST", path=f"{_ONE}/rollback", handler=roll_back_workflow, scope=Scope.WRITE, refusals=(409, 422)
    ),
    Endpoint(method="POST", path=f"{_ONE}/pause", handler=pause_workflow, scope=Scope.WRITE, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/resume", handler=resume_workflow, scope=Scope.WRITE, refusals=(409,)),
    Endpoint(method="POST", path=f"{_ONE}/archive", handler=archive_workflow, scope=Scope.WRITE, refusals=(409,)),
]
