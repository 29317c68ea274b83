"""API keys, of which only a digest is stored, and the audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from db.repositories.paging import paged
from db.tables import api_keys, audit_log
from db.transaction import Transaction
from engine.model.access import ApiKey, AuditEntry, Scope
from engine.model.base import ProjectId, is_id
from engine.repositories import Page


class AccessRepository:
    """Keys and audit entries in one transaction. Implements ``engine.repositories.Access``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add_key(self, key: ApiKey, *, digest: bytes) -> None:
        await self._transaction.run(
            insert(api_keys).values(
                id=key.id,
                project_id=key.project_id,
                name=key.name,
                prefix=key.prefix,
                digest=digest,
                scopes=sorted(key.scopes),
                created_at=key.created_at,
                expires_at=key.expires_at,
                revoked_at=key.revoked_at,
            )
        )

    async def key_by_digest(self, digest: bytes) -> ApiKey | None:
        """Find it, also if it is revoked or expired: that is the caller's to judge."""
        row = await self._transaction.first(select(api_keys).where(api_keys.c.digest == digest))
        return None if row is None else _key(row)

    async def keys(self, project: ProjectId) -> Sequence[ApiKey]:
        """All, newest first, revoked ones included."""
        statement = select(api_keys).where(api_keys.c.project_id == project).order_by(api_keys.c.id.desc())
        return [_key(row) for row in await self._transaction.rows(statement)]

    async def revoke_key(self, project: ProjectId, key_id: str, *, now: datetime) -> bool:
        """Revoke it; false if there is none or it is revoked already."""
        if not is_id(key_id):
            return False
        return await self._transaction.changed(
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.project_id == project, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )

    async def has_keys(self) -> bool:
        """Whether any key was ever made, in any project."""
        return await self._transaction.first(select(api_keys.c.id).limit(1)) is not None

    async def audit(self, entry: AuditEntry) -> None:
        await self._transaction.run(
            insert(audit_log).values(
                id=entry.id,
                project_id=entry.project_id,
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                target=entry.target,
                details=entry.details,
            )
        )

    async def audit_entries(self, project: ProjectId, page: Page) -> Sequence[AuditEntry]:
        statement = paged(select(audit_log).where(audit_log.c.project_id == project), audit_log.c.id, page)
        return [AuditEntry(**row._mapping) for row in await self._transaction.rows(statement)]


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        project_id=ProjectId(row.project_id),
        name=row.name,
        prefix=row.prefix,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
