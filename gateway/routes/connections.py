"""Connections: authorised accounts at services. Their credentials go in and never come out."""

from dataclasses import replace
from typing import Annotated, Any

from msgspec import Meta, field

from engine.audit import audit
from engine.errors import Conflict, NotFound
from engine.model.access import Scope
from engine.model.base import ConnectionId, new_id
from engine.model.connection import Connection, Credentials
from engine.ports import UnitOfWork
from engine.repositories import Page
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, Name, PageQuery, Query
from gateway.views.access import ConnectionPage, ConnectionView, connection_view

Values = dict[Annotated[str, Meta(max_length=100)], Annotated[str, Meta(max_length=100_000)]]


class NewConnection(Body, frozen=True, kw_only=True):
    """A connection to store. ``credentials`` are encrypted and cannot be read again."""

    name: Name
    connector: Annotated[str, Meta(max_length=100)]
    config: dict[str, Any] = field(default_factory=dict)
    credentials: Values = field(default_factory=dict)


class ConnectionChange(Body, frozen=True, kw_only=True):
    """What to replace of a connection. What is left out stays as it is."""

    config: dict[str, Any] | None = None
    credentials: Values | None = None


async def list_connections(call: Call[PageQuery, None]) -> ConnectionPage:
    """List connections, newest first."""
    page = Page(limit=call.query.limit, after=call.query.after)
    async with call.hub.database.read() as uow:
        found = await uow.connections.list(call.caller.project, page)
    return ConnectionPage(
        items=[connection_view(connection) for connection in found],
        next=found[-1].id if len(found) == page.limit else None,
    )


async def create_connection(call: Call[Query, NewConnection]) -> ConnectionView:
    """Store a connection.

    Its values are checked against what the connector declares.
    """
    body, project = call.body, call.caller.project
    call.hub.registry.check_connection(body.connector, config=body.config, credentials=body.credentials)
    now = call.hub.clock.now()
    connection = Connection(
        id=ConnectionId(new_id()),
        project_id=project,
        name=body.name,
        connector=body.connector,
        config=body.config,
        created_at=now,
        updated_at=now,
    )
    async with call.hub.database.write() as uow:
        await uow.triggers.touch()  # first, so that two who create the same name take turns
        if await uow.connections.find(project, body.name) is not None:
            raise Conflict(f'there is a connection "{body.name}" already; choose another name or change that one')
        await uow.connections.put(connection, Credentials(body.credentials))
        await audit(
            uow,
            call.hub.clock,
            call.caller.act,
            "connection.create",
            target=connection.id,
            details={"name": connection.name, "connector": connection.connector},
        )
        await uow.commit()
    call.headers["location"] = f"/api/v1/connections/{connection.id}"
    return connection_view(connection)


async def get_connection(call: Call[Query, None]) -> ConnectionView:
    """Get a connection by its id or its name, without its credentials."""
    async with call.hub.database.read() as uow:
        return connection_view(await _find(call, uow))


async def change_connection(call: Call[Query, ConnectionChange]) -> ConnectionView:
    """Replace a connection's settings or its credentials.

    Executors use the new ones within a second.
    """
    async with call.hub.database.write() as uow:
        await uow.triggers.touch()
        connection = await _find(call, uow)
        given = call.body.credentials
        credentials = await uow.connections.credentials(connection) if given is None else Credentials(given)
        config = connection.config if call.body.config is None else call.body.config
        call.hub.registry.check_connection(connection.connector, config=config, credentials=credentials)
        changed = replace(connection, config=config, updated_at=call.hub.clock.now())
        await uow.connections.put(changed, None if given is None else credentials)
        details = {"name": connection.name, "credentials": given is not None, "config": call.body.config is not None}
        await audit(uow, call.hub.clock, call.caller.act, "connection.change", target=connection.id, details=details)
        await uow.commit()
    return connection_view(changed)


async def delete_connection(call: Call[Query, None]) -> None:
    """Delete a connection with its credentials.

    Steps that need it fail from then on.
    """
    async with call.hub.database.write() as uow:
        connection = await _find(call, uow)
        await uow.connections.delete(connection)
        await uow.triggers.touch()
        await audit(
            uow,
            call.hub.clock,
            call.caller.act,
            "connection.delete",
            target=connection.id,
            details={"name": connection.name},
        )
        await uow.commit()


async def _find(call: Call[Any, Any], uow: UnitOfWork) -> Connection:
    key = call.key("connection")
    connection = await uow.connections.find(call.caller.project, key)
    if connection is None:
        raise NotFound(f'there is no connection "{key[:200]}"')
    return connection


_ONE = "/connections/{connection}"

endpoints = [
    Endpoint(method="GET", path="/connections", handler=list_connections, scope=Scope.READ),
    Endpoint(
        method="POST",
        path="/connections",
        handler=create_connection,
        scope=Scope.WRITE,
        status=201,
        refusals=(409, 422),
    ),
    Endpoint(method="GET", path=_ONE, handler=get_connection, scope=Scope.READ),
    Endpoint(method="PUT", path=_ONE, handler=change_connection, scope=Scope.WRITE, refusals=(422,)),
    Endpoint(method="DELETE", path=_ONE, handler=delete_connection, scope=Scope.WRITE, status=204),
]
