"""Publications and labels of versions."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from db.transaction import Transaction
from db.version_tables import publications, version_labels
from engine.model.base import ProjectId, VersionId, WorkflowId
from engine.model.publication import Label, Publication


class PublicationRepository:
    """Both in one transaction. Implements ``engine.repositories.Publications``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, project: ProjectId, publication: Publication) -> None:
        await self._transaction.run(
            insert(publications).values(
                id=publication.id,
                project_id=project,
                workflow_id=publication.workflow_id,
                version_id=publication.version_id,
                published_at=publication.published_at,
                published_by=publication.published_by,
                note=publication.note,
            )
        )

    async def list(self, workflow_id: WorkflowId) -> Sequence[Publication]:
        columns = [column for column in publications.c if column.name != "project_id"]
        rows = await self._transaction.rows(
            select(*columns)
            .where(publications.c.workflow_id == workflow_id)
            .order_by(publications.c.published_at.desc(), publications.c.id.desc())
        )
        return [Publication(**row._mapping) for row in rows]

    async def label(self, project: ProjectId, label: Label) -> None:
        """Give a version a label; another version of the workflow that had it loses it."""
        moved = {"version_id": label.version_id, "set_at": label.set_at, "set_by": label.set_by}
        await self._transaction.run(
            self._transaction.insert(version_labels)
            .values(workflow_id=label.workflow_id, name=label.name, project_id=project, **moved)
            .on_conflict_do_update(index_elements=["workflow_id", "name"], set_=moved)
        )

    async def unlabel(self, version_id: VersionId, name: str, *, workflow_id: WorkflowId) -> bool:
        """Take a label off a version; false if that version does not have it."""
        return await self._transaction.changed(
            delete(version_labels).where(
                version_labels.c.workflow_id == workflow_id,
                version_labels.c.name == name,
                version_labels.c.version_id == version_id,
            )
        )

    async def labels(self, workflow_id: WorkflowId) -> Sequence[Label]:
        columns = [column for column in version_labels.c if column.name != "project_id"]
        rows = await self._transaction.rows(
            select(*columns).where(version_labels.c.workflow_id == workflow_id).order_by(version_labels.c.name)
        )
        return [Label(**row._mapping) for row in rows]
