"""Connections with their credentials, as executors need them: kept until something changes, looked at every second."""

from datetime import datetime, timedelta

from engine.errors import InvalidInput
from engine.model.base import ProjectId
from engine.nodes.connector import BoundConnection
from engine.ports import Clock, Database

LOOK_EVERY = timedelta(seconds=1)


class Bindings:
    """Resolves aliases. Implements ``engine.nodes.connector.ConnectionSource``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[tuple[ProjectId, str], BoundConnection] = {}
        self._stamp = -1
        self._looked_at: datetime | None = None

    async def get(self, project: ProjectId, alias: str) -> BoundConnection:
        """Raises InvalidInput: no connection has that name. Raises Unavailable."""
        now = self._clock.now()
        fresh = self._looked_at is not None and now - self._looked_at < LOOK_EVERY
        known = self._known.get((project, alias))
        if fresh and known is not None:
            return known
        async with self._database.read() as uow:
            stamp = await uow.triggers.stamp()
            if stamp != self._stamp:
                self._known.clear()
                self._stamp = stamp
            self._looked_at = now
            known = self._known.get((project, alias))
            if known is not None:
                return known
            connection = await uow.connections.find(project, alias)
            if connection is None:
                raise InvalidInput(f'there is no connection "{alias}"; create it or change the node')
            bound = BoundConnection(
                id=connection.id,
                connector=connection.connector,
                config=connection.config,
                credentials=await uow.connections.credentials(connection),
            )
        self._known[(project, alias)] = bound
        return bound
