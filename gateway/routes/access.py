"""API keys and the audit log: who may do what, and who did what. Only for those who may do everything."""

from typing import Annotated

from msgspec import Meta

from engine.audit import audit
from engine.errors import InvalidRequest, NotFound, Problem
from engine.model.access import Scope
from engine.repositories import Page
from gateway.auth import new_key, store_key
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, Instant, PageQuery, Query
from gateway.views.access import (
    ApiKeyList,
    AuditPage,
    NewApiKeyView,
    api_key_view,
    audit_view,
    new_api_key_view,
)


class NewApiKey(Body, frozen=True, kw_only=True):
    """A key to make. ``write`` includes ``read``, and ``admin`` everything; without ``expires_at`` it never expires."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=20)]
    expires_at: Instant | None = None


async def list_api_keys(call: Call[Query, None]) -> ApiKeyList:
    """List API keys, revoked ones included, newest first."""
    async with call.hub.database.read() as uow:
        found = await uow.access.keys(call.caller.project)
    return ApiKeyList(items=[api_key_view(key) for key in found])


async def create_api_key(call: Call[Query, NewApiKey]) -> NewApiKeyView:
    """Make an API key.

    The key stands in this answer and nowhere else; only its digest is stored.
    """
    now = call.hub.clock.now()
    if call.body.expires_at is not None and call.body.expires_at <= now:
        problem = Problem(place="expires_at", message="is in the past")
        raise InvalidRequest("the request is malformed", problems=(problem,))
    text, key = new_key(
        project=call.caller.project,
        name=call.body.name,
        scopes=frozenset(call.body.scopes),
        now=now,
        expires_at=call.body.expires_at,
    )
    async with call.hub.database.write() as uow:
        await store_key(uow, call.hub.clock, call.caller.act, text, key=key)
        await uow.commit()
    return new_api_key_view(key, text=text)


async def revoke_api_key(call: Call[Query, None]) -> None:
    """Revoke an API key.

    It is refused here at once, and by every other process within a second.
    """
    key_id = call.id("api_key")
    now = call.hub.clock.now()
    async with call.hub.database.write() as uow:
        if not await uow.access.revoke_key(call.caller.project, key_id, now=now):
            raise NotFound(f'there is no API key "{key_id}" that is not revoked')
        await audit(uow, call.hub.clock, call.caller.act, "api_key.revoke", target=key_id)
        await uow.commit()
    call.api.keys.forget()


async def list_audit_log(call: Call[PageQuery, None]) -> AuditPage:
    """List what people did, newest first."""
    page = Page(limit=call.query.limit, after=call.query.after)
    async with call.hub.database.read() as uow:
        found = await uow.access.audit_entries(call.caller.project, page)
    return AuditPage(
        items=[audit_view(entry) for entry in found], next=found[-1].id if len(found) == page.limit else None
    )


endpoints = [
    Endpoint(method="GET", path="/api-keys", handler=list_api_keys, scope=Scope.ADMIN),
    Endpoint(method="POST", path="/api-keys", handler=create_api_key, scope=Scope.ADMIN, status=201),
    Endpoint(method="DELETE", path="/api-keys/{api_key}", handler=revoke_api_key, scope=Scope.ADMIN, status=204),
    Endpoint(method="GET", path="/audit", handler=list_audit_log, scope=Scope.ADMIN),
]
