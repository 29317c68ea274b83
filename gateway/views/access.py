"""API keys, secrets, connections and the audit log. No secret value stands in any of them but a key just made."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from engine.model.access import ApiKey, AuditEntry, Scope
from engine.model.connection import Connection


class ApiKeyView(Struct, frozen=True, kw_only=True):
    """A key as it may be shown: ``prefix`` is how it begins."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewApiKeyView(ApiKeyView, frozen=True, kw_only=True):
    """A key just made: ``key`` is shown this once and never again."""

    key: str


class ApiKeyList(Struct, frozen=True, kw_only=True):
    """All keys, newest first, revoked ones included."""

    items: list[ApiKeyView]


class SecretView(Struct, frozen=True, kw_only=True):
    """A secret's name, and when its value was last set."""

    name: str
    updated_at: datetime


class SecretList(Struct, frozen=True, kw_only=True):
    """All secrets, by name."""

    items: list[SecretView]


class ConnectionView(Struct, frozen=True, kw_only=True):
    """A connection. Its credentials can be replaced, not read; ``config`` is its part that is no secret."""

    id: str
    name: str
    connector: str
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ConnectionPage(Struct, frozen=True, kw_only=True):
    """Connections, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[ConnectionView]
    next: str | None


class AuditView(Struct, frozen=True, kw_only=True):
    """One act: ``actor`` did ``action`` to ``target``."""

    id: str
    at: datetime
    actor: str
    action: str
    target: str
    details: dict[str, Any]


class AuditPage(Struct, frozen=True, kw_only=True):
    """Acts, newest first; ``next`` is the ``after`` of the next page, if there may be one."""

    items: list[AuditView]
    next: str | None


def api_key_view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(**_of_key(key))


def new_api_key_view(key: ApiKey, *, text: str) -> NewApiKeyView:
    return NewApiKeyView(**_of_key(key), key=text)


def connection_view(connection: Connection) -> ConnectionView:
    return ConnectionView(**{name: getattr(connection, name) for name in ConnectionView.__struct_fields__})


def audit_view(entry: AuditEntry) -> AuditView:
    return AuditView(**{name: getattr(entry, name) for name in AuditView.__struct_fields__})


def _of_key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
