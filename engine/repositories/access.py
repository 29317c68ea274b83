"""What the database promises about connections, secrets, API keys, and who is alive."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.access import ApiKey, AuditEntry
from engine.model.base import ExecutorId, JsonObject, ProjectId
from engine.model.connection import Connection, Credentials
from engine.repositories.paging import Page


class Connections(Protocol):
    """Connections and named secrets, encrypted at rest; only ``credentials`` and ``reveal`` decrypt."""

    async def put(self, connection: Connection, credentials: Credentials | None) -> None:
        """Add or replace by (project, name); ``None`` keeps the stored credentials."""

    async def find(self, project: ProjectId, key: str) -> Connection | None:
        """By id or by name."""

    async def credentials(self, connection: Connection) -> Credentials: ...

    async def list(self, project: ProjectId, page: Page) -> Sequence[Connection]: ...

    async def delete(self, connection: Connection) -> None: ...

    async def put_secret(self, project: ProjectId, name: str, value: bytes, *, now: datetime) -> None: ...

    async def reveal(self, project: ProjectId, names: Iterable[str]) -> Mapping[str, bytes]:
        """The values of those that exist."""

    async def secret_names(self, project: ProjectId) -> Mapping[str, datetime]:
        """Names with the time they were last set."""

    async def delete_secret(self, project: ProjectId, name: str) -> bool: ...


class Access(Protocol):
    """API keys and the audit log."""

    async def add_key(self, key: ApiKey, *, digest: bytes) -> None: ...

    async def key_by_digest(self, digest: bytes) -> ApiKey | None: ...

    async def keys(self, project: ProjectId) -> Sequence[ApiKey]: ...

    async def revoke_key(self, project: ProjectId, key_id: str, *, now: datetime) -> bool: ...

    async def has_keys(self) -> bool: ...

    async def audit(self, entry: AuditEntry) -> None: ...

    async def audit_entries(self, project: ProjectId, page: Page) -> Sequence[AuditEntry]: ...


class Liveness(Protocol):
    """Who is alive, who leads, and the shared state of breakers."""

    async def beat(self, executor: ExecutorId, *, now: datetime, details: JsonObject) -> None: ...

    async def remove(self, executors: Sequence[ExecutorId]) -> None: ...

    async def executors(self) -> Mapping[ExecutorId, datetime]: ...

    async def details(self, executor: ExecutorId) -> JsonObject:
        """What an executor said of itself with its last heartbeat; empty if there is none."""

    async def lease(self, name: str, *, holder: str, now: datetime, until: datetime) -> bool:
        """Take or renew a lease; false while another holds it unexpired."""

    async def release(self, name: str, *, holder: str) -> None: ...

    async def breaker(self, key: str) -> JsonObject | None: ...

    async def put_breaker(self, key: str, state: JsonObject, *, seen: JsonObject | None) -> bool:
        """Write if the stored state is still ``seen``; false if not."""
