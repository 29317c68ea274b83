"""Who may do what: API keys, their scopes, and the record of what people did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.model.base import JsonObject, ProjectId


class Scope(StrEnum):
    """What an API key allows: ``admin`` includes all, ``write`` includes ``read``, ``execute`` starts and controls."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is shown: ``prefix`` is its beginning, to recognise it by. The key itself is not stored."""

    id: str
    project_id: ProjectId
    name: str
    prefix: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def allows(self, scope: Scope) -> bool:
        """Whether the key carries ``scope``, directly or by one that includes it."""
        granted = self.scopes
        return scope in granted or Scope.ADMIN in granted or (scope is Scope.READ and Scope.WRITE in granted)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One act: ``actor`` (``key:<prefix>``, ``cli``, ``system``) did ``action`` (``workflow.publish``) to a target."""

    id: str
    project_id: ProjectId
    at: datetime
    actor: str
    action: str
    target: str
    details: JsonObject
