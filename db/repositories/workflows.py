"""Workflows and their immutable versions."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, or_, select, update

from db.repositories.arrivals import delete_arrivals
from db.repositories.paging import paged
from db.result_tables import results
from db.tables import dead_letters, events, executions, steps, workflow_versions, workflows
from db.transaction import Transaction
from engine.errors import Conflict, NotFound
from engine.model.base import ProjectId, VersionId, WorkflowId, is_id
from engine.model.workflow import Version, Workflow, WorkflowStatus
from engine.repositories import Page


class WorkflowRepository:
    """Workflows in one transaction. Implements ``engine.repositories.Workflows``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, project: ProjectId, workflow: Workflow) -> None:
        """Raises Conflict: the project has a workflow of that name."""
        statement = (
            self._transaction.insert(workflows)
            .values(project_id=project, **_values(workflow))
            .on_conflict_do_nothing()
            .returning(workflows.c.id)
        )
        if await self._transaction.first(statement) is None:
            raise Conflict(f'there is a workflow "{workflow.name}" already; choose another name')

    async def find(self, project: ProjectId, key: str) -> Workflow | None:
        """Find by id or, failing that, by name."""
        same = or_(workflows.c.id == key, workflows.c.name == key) if is_id(key) else workflows.c.name == key
        rows = await self._transaction.rows(select(workflows).where(workflows.c.project_id == project, same))
        found = sorted(rows, key=lambda row: row.id != key)
        return _workflow(found[0]) if found else None

    async def get(self, project: ProjectId, key: str) -> Workflow:
        found = await self.find(project, key)
        if found is None:
            raise NotFound(f'there is no workflow "{key}"')
        return found

    async def list(
        self, project: ProjectId, page: Page, *, status: WorkflowStatus | None = None, name: str | None = None
    ) -> Sequence[Workflow]:
        statement = select(workflows).where(workflows.c.project_id == project)
        if status is not None:
            statement = statement.where(workflows.c.status == status.value)
        if name:
            statement = statement.where(workflows.c.name.icontains(name, autoescape=True))
        return [_workflow(row) for row in await self._transaction.rows(paged(statement, workflows.c.id, page))]

    async def everywhere(self, page: Page) -> Sequence[Workflow]:
        """Those of all projects, newest first."""
        return [_workflow(row) for row in await self._transaction.rows(paged(select(workflows), workflows.c.id, page))]

    async def update(self, workflow: Workflow, *, expected_latest: int | None = None) -> None:
        """Write name, status, published, latest, description and updated_at.

        Raises:
            Conflict: Its ``latest`` is not ``expected_latest`` any more, or the name is taken; nothing is written.
            NotFound: It was deleted.
        """
        row = await self._transaction.first(
            select(workflows.c.project_id, workflows.c.latest).where(workflows.c.id == workflow.id).with_for_update()
        )
        if row is None:
            raise NotFound(f'the workflow "{workflow.name}" does not exist any more')
        if expected_latest is not None and row.latest != expected_latest:
            raise Conflict(
                f'the workflow "{workflow.name}" is at version {row.latest}, not {expected_latest} any more; read it'
            )
        taken = select(workflows.c.id).where(
            workflows.c.project_id == row.project_id, workflows.c.name == workflow.name, workflows.c.id != workflow.id
        )
        if await self._transaction.first(taken) is not None:
            raise Conflict(f'there is a workflow "{workflow.name}" already; choose another name')
        values = _values(workflow)
        del values["id"], values["created_at"]
        await self._transaction.run(update(workflows).where(workflows.c.id == workflow.id).values(**values))

    async def delete(self, workflow_id: WorkflowId) -> None:
        """Remove a workflow with all its versions, triggers, events and executions."""
        theirs = select(executions.c.id).where(executions.c.workflow_id == workflow_id)
        await self._transaction.run(delete(steps).where(steps.c.execution_id.in_(theirs)))
        await self._transaction.run(delete(dead_letters).where(dead_letters.c.execution_id.in_(theirs)))
        await delete_arrivals(self._transaction, theirs)
        await self._transaction.run(delete(executions).where(executions.c.workflow_id == workflow_id))
        await self._transaction.run(delete(results).where(results.c.workflow_id == workflow_id))
        await self._transaction.run(delete(events).where(events.c.workflow_id == workflow_id))
        await self._transaction.run(delete(workflows).where(workflows.c.id == workflow_id))

    async def add_version(self, version: Version) -> None:
        """Store a version.

        Raises:
            NotFound: Its workflow was deleted.
            Conflict: Its number is taken, because somebody saved at the same time.
        """
        project = select(workflows.c.project_id).where(workflows.c.id == version.workflow_id)
        project_id = await self._transaction.scalar(project)
        if project_id is None:
            raise NotFound("the workflow of this version does not exist any more")
        statement = (
            self._transaction.insert(workflow_versions)
            .values(
                id=version.id,
                project_id=project_id,
                workflow_id=version.workflow_id,
                number=version.number,
                text=version.text,
                document=version.document,
                hash=version.hash,
                created_at=version.created_at,
                created_by=version.created_by,
                note=version.note,
            )
            .on_conflict_do_nothing()
            .returning(workflow_versions.c.id)
        )
        if await self._transaction.first(statement) is None:
            raise Conflict(f"version {version.number} of this workflow was saved by somebody else; read it again")

    async def version(self, version_id: VersionId) -> Version:
        found = None
        if is_id(version_id):
            found = await self._transaction.first(select(workflow_versions).where(workflow_versions.c.id == version_id))
        if found is None:
            raise NotFound(f'there is no version "{version_id}"')
        return _version(found)

    async def version_by_number(self, workflow_id: WorkflowId, number: int) -> Version:
        found = await self._transaction.first(
            select(workflow_versions).where(
                workflow_versions.c.workflow_id == workflow_id, workflow_versions.c.number == number
            )
        )
        if found is None:
            raise NotFound(f"this workflow has no version {number}")
        return _version(found)

    async def versions(self, workflow_id: WorkflowId) -> Sequence[Version]:
        """All, newest first."""
        statement = (
            select(workflow_versions)
            .where(workflow_versions.c.workflow_id == workflow_id)
            .order_by(workflow_versions.c.number.desc())
        )
        return [_version(row) for row in await self._transaction.rows(statement)]


def _values(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.id,
        "name": workflow.name,
        "status": workflow.status.value,
        "published": workflow.published,
        "latest": workflow.latest,
        "description": workflow.description,
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
    }


def _workflow(row: Row[Any]) -> Workflow:
    return Workflow(
        id=WorkflowId(row.id),
        name=row.name,
        status=WorkflowStatus(row.status),
        published=None if row.published is None else VersionId(row.published),
        latest=row.latest,
        description=row.description,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _version(row: Row[Any]) -> Version:
    return Version(
        id=VersionId(row.id),
        workflow_id=WorkflowId(row.workflow_id),
        number=row.number,
        text=row.text,
        document=row.document,
        hash=row.hash,
        created_at=row.created_at,
        created_by=row.created_by,
        note=row.note,
    )
