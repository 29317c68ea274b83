"""Secrets: named values such as webhook signing keys. Names can be listed; values only go in."""

import re
from typing import Annotated

from msgspec import Meta

from engine.audit import audit
from engine.errors import InvalidRequest, NotFound, Problem
from engine.model.access import Scope
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, Query
from gateway.views.access import SecretList, SecretView

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")


class SecretValue(Body, frozen=True, kw_only=True):
    """A secret's value, as the service shows it. It is encrypted and cannot be read again."""

    value: Annotated[str, Meta(min_length=1, max_length=100_000)]


async def list_secrets(call: Call[Query, None]) -> SecretList:
    """List the names of secrets."""
    async with call.hub.database.read() as uow:
        names = await uow.connections.secret_names(call.caller.project)
    return SecretList(items=[SecretView(name=name, updated_at=at) for name, at in names.items()])


async def put_secret(call: Call[Query, SecretValue]) -> SecretView:
    """Store a secret, or replace its value.

    Webhooks are verified with the new value at once.
    """
    name = call.key("name")
    if not NAME.fullmatch(name):
        problem = Problem(place="name", message="is not a name", fix="use letters, digits, _ . and -, at most 200")
        raise InvalidRequest("the request is malformed", problems=(problem,))
    now = call.hub.clock.now()
    async with call.hub.database.write() as uow:
        await uow.connections.put_secret(call.caller.project, name, call.body.value.encode(), now=now)
        await uow.triggers.touch()
        await audit(uow, call.hub.clock, call.caller.act, "secret.set", target=name)
        await uow.commit()
    await call.take_effect()
    return SecretView(name=name, updated_at=now)


async def delete_secret(call: Call[Query, None]) -> None:
    """Delete a secret.

    Webhooks that are verified with it refuse every call from then on.
    """
    name = call.key("name")
    async with call.hub.database.write() as uow:
        if not await uow.connections.delete_secret(call.caller.project, name):
            raise NotFound(f'there is no secret "{name[:200]}"')
        await uow.triggers.touch()
        await audit(uow, call.hub.clock, call.caller.act, "secret.delete", target=name)
        await uow.commit()
    await call.take_effect()


endpoints = [
    Endpoint(method="GET", path="/secrets", handler=list_secrets, scope=Scope.READ),
    Endpoint(method="PUT", path="/secrets/{name}", handler=put_secret, scope=Scope.WRITE),
    Endpoint(method="DELETE", path="/secrets/{name}", handler=delete_secret, scope=Scope.WRITE, status=204),
]
