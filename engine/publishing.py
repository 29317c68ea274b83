"""What people do to workflows: save versions, publish, pause, resume, archive, delete. Each is one transaction.

Publishing moves the workflow's pointer together with its triggers and hooks; running executions keep their version.
"""

import asyncio
import copy
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from engine.audit import Act, audit
from engine.definition import Outside, check_references, definition_hash, load_document, parse_definition
from engine.errors import Conflict, InvalidDefinition
from engine.model.base import JsonObject, ProjectId, VersionId, WorkflowId, new_id
from engine.model.publication import Publication
from engine.model.workflow import Definition, Version, Workflow, WorkflowStatus
from engine.ports import Broker, Clock, Database, UnitOfWork
from engine.published_triggers import publish_triggers
from engine.versions import LATEST, find_version

CHANGED = "definitions.changed"
"""The signal after every change, so that others need not wait until they compare stamps."""

Checked: TypeAlias = tuple[Definition, JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A workflow and the version that holds the text; ``created`` is false if the newest version said the same."""

    workflow: Workflow
    version: Version
    created: bool


class Publishing:
    """Changes workflows.

    Args:
        outside: What definitions are checked against when they are saved: actions and webhook schemes.
    """

    def __init__(self, *, database: Database, broker: Broker, clock: Clock, outside: Outside) -> None:
        self._database = database
        self._broker = broker
        self._clock = clock
        self._outside = outside

    def check(self, text: str) -> Checked:
        """Parse and check a text, which takes a millisecond per node. Raises InvalidDefinition with every problem."""
        return parse_definition(text, outside=self._outside)

    async def create(self, project: ProjectId, text: str, *, actor: str, note: str = "") -> Saved:
        """Store a new workflow as a draft.

        Raises:
            InvalidDefinition: With every problem; nothing was stored.
            Conflict: The project has a workflow of that name.
        """
        definition, document = await asyncio.to_thread(self.check, text)
        now = self._clock.now()
        workflow = Workflow(
            id=WorkflowId(new_id()),
            name=definition.name,
            status=WorkflowStatus.DRAFT,
            published=None,
            latest=1,
            description=definition.description,
            created_at=now,
            updated_at=now,
        )
        version = _version(workflow, text, document, now=now, actor=actor, note=note)
        async with self._database.write() as uow:
            await uow.workflows.add(project, workflow)
            await uow.workflows.add_version(version)
            details = {"name": workflow.name}
            await audit(uow, self._clock, Act(project, actor), "workflow.create", target=workflow.id, details=details)
            await uow.commit()
        return Saved(workflow=workflow, version=version, created=True)

    async def save(
        self, project: ProjectId, key: str, text: str, *, actor: str, note: str = "", expected: int | None = None
    ) -> Saved:
        """Store a text as the next version of a workflow; the published version stays published.

        Args:
            expected: The number of the version that the text was made from; ``None`` leaves it open.

        Raises:
            NotFound, InvalidDefinition; Conflict: Somebody saved meanwhile, or the new name is taken.
        """
        checked = await asyncio.to_thread(self.check, text)
        async with self._database.write() as uow:
            workflow = await uow.workflows.get(project, key)
            if expected is not None and workflow.latest != expected:
                raise Conflict(f'"{workflow.name}" is at version {workflow.latest}, not {expected} any more; read it')
            saved = await self._save(uow, workflow, text, checked=checked, act=Act(project, actor), note=note)
            if saved.created:
                await uow.commit()
        return saved

    async def publish(
        self, project: ProjectId, key: str, *, actor: str, which: str = LATEST, note: str = ""
    ) -> Workflow:
        """Make a version the one that new events run, with its triggers, and activate the workflow.

        Args:
            which: Its number, its label or one of the words of ``engine.versions``.
            note: Why; kept with who did it and when.

        Raises:
            NotFound: No such workflow or version.
            InvalidDefinition: It names secrets or connections that are not there. The old version stays live.
            Conflict: A hook path is taken by another workflow.
        """
        async with self._database.write() as uow:
            workflow = await uow.workflows.get(project, key)
            version = await find_version(uow, workflow, which)
            active = replace(workflow, status=WorkflowStatus.ACTIVE)
            published = await self._publish(uow, active, version, act=Act(project, actor), note=note)
            await uow.commit()
        await self._broker.signal(CHANGED, workflow.id.encode())
        return published

    async def edit(
        self, project: ProjectId, key: str, change: Callable[[JsonObject], JsonObject], *, actor: str, note: str
    ) -> Saved:
        """Save a change to the newest version's document, and publish it at once if the newest one is published.

        A paused workflow stays paused. ``change`` gets a document of its own and may be called for any newest version.

        Raises:
            NotFound, InvalidDefinition; Conflict: The published version is not the newest, so that publishing this
                change would publish others with it. Nothing was stored in any of these cases.
        """
        act = Act(project, actor)
        async with self._database.write() as uow:
            workflow = await uow.workflows.get(project, key)
            newest = await uow.workflows.version_by_number(workflow.id, workflow.latest)
            if workflow.published not in (None, newest.id):
                raise Conflict(
                    f'version {newest.number} of "{workflow.name}" is newer than the published one; '
                    "publish it or save the whole text"
                )
            text = json.dumps(change(copy.deepcopy(newest.document)), indent=2, ensure_ascii=False)
            saved = await self._save(uow, workflow, text, checked=self.check(text), act=act, note=note)
            if saved.created and workflow.published is not None:
                changed = await self._publish(uow, saved.workflow, saved.version, act=act, note=note)
                saved = replace(saved, workflow=changed)
            await uow.commit()
        await self._broker.signal(CHANGED, workflow.id.encode())
        return saved

    async def pause(self, project: ProjectId, key: str, *, actor: str) -> Workflow:
        """Stop starting executions; what happens to events is the definition's ``settings.while_paused``."""
        allowed = {WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED}
        return await self._set_status(project, key, WorkflowStatus.PAUSED, allowed=allowed, actor=actor)

    async def resume(self, project: ProjectId, key: str, *, actor: str) -> Workflow:
        """Start executions again with the published version; held events follow in their order."""
        allowed = {WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED}
        return await self._set_status(project, key, WorkflowStatus.ACTIVE, allowed=allowed, actor=actor)

    async def archive(self, project: ProjectId, key: str, *, actor: str) -> Workflow:
        """Take a workflow out of use; its hooks answer like unknown ones, its history stays."""
        allowed = set(WorkflowStatus)
        return await self._set_status(project, key, WorkflowStatus.ARCHIVED, allowed=allowed, actor=actor)

    async def delete(self, project: ProjectId, key: str, *, actor: str) -> None:
        """Remove a workflow with its history. Raises Conflict: it is in use; archive it first."""
        async with self._database.write() as uow:
            workflow = await uow.workflows.get(project, key)
            if workflow.status in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED):
                raise Conflict(f'the workflow "{workflow.name}" is {workflow.status.value}; archive it first')
            await uow.workflows.delete(workflow.id)
            await uow.triggers.touch()
            details = {"name": workflow.name}
            await audit(uow, self._clock, Act(project, actor), "workflow.delete", target=workflow.id, details=details)
            await uow.commit()
        await self._broker.signal(CHANGED, workflow.id.encode())

    async def _save(
        self, uow: UnitOfWork, workflow: Workflow, text: str, *, checked: Checked, act: Act, note: str
    ) -> Saved:
        definition, document = checked
        newest = await uow.workflows.version_by_number(workflow.id, workflow.latest)
        if newest.document == document:
            return Saved(workflow=workflow, version=newest, created=False)
        now = self._clock.now()
        changed = replace(
            workflow,
            name=definition.name,
            description=definition.description,
            latest=workflow.latest + 1,
            updated_at=now,
        )
        version = _version(changed, text, document, now=now, actor=act.actor, note=note)
        await uow.workflows.update(changed, expected_latest=workflow.latest)
        await uow.workflows.add_version(version)
        details = {"version": version.number}
        await audit(uow, self._clock, act, "workflow.save", target=workflow.id, details=details)
        return Saved(workflow=changed, version=version, created=True)

    async def _publish(self, uow: UnitOfWork, workflow: Workflow, version: Version, *, act: Act, note: str) -> Workflow:
        definition = load_document(version.document)
        await self.check_bindings(uow, act.project, definition)
        await publish_triggers(uow, act.project, version, definition)
        now = self._clock.now()
        published = replace(workflow, published=version.id, updated_at=now)
        await uow.workflows.update(published)
        ended = await uow.splits.end(workflow.id)
        await uow.triggers.touch()
        publication = Publication(
            id=new_id(),
            workflow_id=workflow.id,
            version_id=version.id,
            published_at=now,
            published_by=act.actor,
            note=note,
        )
        await uow.publications.add(act.project, publication)
        before = None if workflow.published is None else (await uow.workflows.version(workflow.published)).number
        details = {"version": version.number, "before": before, "note": note, "split_ended": ended}
        await audit(uow, self._clock, act, "workflow.publish", target=workflow.id, details=details)
        return published

    async def _set_status(
        self, project: ProjectId, key: str, status: WorkflowStatus, *, allowed: Collection[WorkflowStatus], actor: str
    ) -> Workflow:
        async with self._database.write() as uow:
            workflow = await uow.workflows.get(project, key)
            if workflow.status not in allowed:
                raise Conflict(f'the workflow "{workflow.name}" is {workflow.status.value}; publish a version first')
            changed = replace(workflow, status=status, updated_at=self._clock.now())
            await uow.workflows.update(changed)
            await uow.triggers.touch()
            await audit(uow, self._clock, Act(project, actor), f"workflow.{status.value}", target=workflow.id)
            await uow.commit()
        await self._broker.signal(CHANGED, workflow.id.encode())
        return changed

    async def check_bindings(self, uow: UnitOfWork, project: ProjectId, definition: Definition) -> None:
        """Raises InvalidDefinition: it names secrets or connections that are not there."""
        secrets = await uow.connections.secret_names(project)
        names = {name for node in definition.nodes.values() if (name := getattr(node.spec, "connection", None))}
        connections = {name for name in names if await uow.connections.find(project, name) is not None}
        outside = replace(self._outside, secrets=set(secrets), connections=connections)
        problems = check_references(definition, outside)
        if problems:
            raise InvalidDefinition(problems)


def _version(workflow: Workflow, text: str, document: JsonObject, *, now: datetime, actor: str, note: str) -> Version:
    return Version(
        id=VersionId(new_id()),
        workflow_id=workflow.id,
        number=workflow.latest,
        text=text,
        document=document,
        hash=definition_hash(document),
        created_at=now,
        created_by=actor,
        note=note,
    )
