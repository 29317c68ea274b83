"""Connections and named secrets; the vault encrypts their values on the way in, and decrypts them only when asked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, or_, select

from db.encoding import decode_json, encode_json
from db.repositories.paging import paged
from db.tables import connections, secrets
from db.transaction import Transaction
from db.types import one_of
from db.vault import Vault
from engine.model.base import ConnectionId, ProjectId, is_id
from engine.model.connection import Connection, Credentials
from engine.repositories import Page


class ConnectionRepository:
    """Connections and secrets in one transaction. Implements ``engine.repositories.Connections``."""

    def __init__(self, transaction: Transaction, vault: Vault) -> None:
        self._transaction = transaction
        self._vault = vault

    async def put(self, connection: Connection, credentials: Credentials | None) -> None:
        """Add or replace by (project, name), keeping the stored id; ``None`` keeps the stored credentials."""
        change: dict[str, Any] = {
            "connector": connection.connector,
            "config": connection.config,
            "updated_at": connection.updated_at,
        }
        if credentials is not None:
            change["credentials"] = self._vault.encrypt(encode_json(dict(credentials)).encode())
        await self._transaction.run(
            self._transaction.insert(connections)
            .values(
                id=connection.id,
                project_id=connection.project_id,
                name=connection.name,
                created_at=connection.created_at,
                **change,
            )
            .on_conflict_do_update(index_elements=[connections.c.project_id, connections.c.name], set_=change)
        )

    async def find(self, project: ProjectId, key: str) -> Connection | None:
        """Find by id or, failing that, by name."""
        same = or_(connections.c.id == key, connections.c.name == key) if is_id(key) else connections.c.name == key
        rows = await self._transaction.rows(select(connections).where(connections.c.project_id == project, same))
        found = sorted(rows, key=lambda row: row.id != key)
        return _connection(found[0]) if found else None

    async def credentials(self, connection: Connection) -> Credentials:
        """Decrypt; a connection without credentials (or one deleted meanwhile) has empty ones."""
        stored = await self._transaction.scalar(
            select(connections.c.credentials).where(
                connections.c.project_id == connection.project_id, connections.c.name == connection.name
            )
        )
        return Credentials({} if stored is None else decode_json(self._vault.decrypt(stored).decode()))

    async def list(self, project: ProjectId, page: Page) -> Sequence[Connection]:
        statement = paged(select(connections).where(connections.c.project_id == project), connections.c.id, page)
        return [_connection(row) for row in await self._transaction.rows(statement)]

    async def delete(self, connection: Connection) -> None:
        await self._transaction.run(
            delete(connections).where(
                connections.c.project_id == connection.project_id, connections.c.name == connection.name
            )
        )

    async def put_secret(self, project: ProjectId, name: str, value: bytes, *, now: datetime) -> None:
        change = {"value": self._vault.encrypt(value), "updated_at": now}
        await self._transaction.run(
            self._transaction.insert(secrets)
            .values(project_id=project, name=name, **change)
            .on_conflict_do_update(index_elements=[secrets.c.project_id, secrets.c.name], set_=change)
        )

    async def reveal(self, project: ProjectId, names: Iterable[str]) -> Mapping[str, bytes]:
        """The values of those that exist."""
        statement = select(secrets).where(secrets.c.project_id == project, one_of(secrets.c.name, sorted(set(names))))
        return {row.name: self._vault.decrypt(row.value) for row in await self._transaction.rows(statement)}

    async def secret_names(self, project: ProjectId) -> Mapping[str, datetime]:
        """Names, in order, with the time they were last set."""
        statement = (
            select(secrets.c.name, secrets.c.updated_at).where(secrets.c.project_id == project).order_by(secrets.c.name)
        )
        return {row.name: row.updated_at for row in await self._transaction.rows(statement)}

    async def delete_secret(self, project: ProjectId, name: str) -> bool:
        return await self._transaction.changed(
            delete(secrets).where(secrets.c.project_id == project, secrets.c.name == name)
        )


def _connection(row: Row[Any]) -> Connection:
    return Connection(
        id=ConnectionId(row.id),
        project_id=ProjectId(row.project_id),
        name=row.name,
        connector=row.connector,
        config=row.config,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
