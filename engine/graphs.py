"""Compiled versions, kept by version id: a version never changes, so the cache is never wrong, only bounded."""

from collections import OrderedDict
from collections.abc import Callable

from engine.graph import Graph, compile_graph
from engine.model.base import JsonObject, VersionId
from engine.model.workflow import Definition
from engine.ports import Database, UnitOfWork

Load = Callable[[JsonObject], Definition]


class Graphs:
    """Finds and compiles versions. ``largest`` is how many stay in memory; the least recently used one goes first."""

    def __init__(self, database: Database, load: Load, *, largest: int = 1000) -> None:
        self._database = database
        self._load = load
        self._largest = largest
        self._known: OrderedDict[VersionId, tuple[Definition, Graph]] = OrderedDict()

    async def get(self, version_id: VersionId) -> Graph:
        """Raises NotFound, Unavailable; DefinitionError for a version that this release cannot read."""
        return (await self._entry(version_id))[1]

    async def definition(self, version_id: VersionId, *, within: UnitOfWork | None = None) -> Definition:
        """The same version, not compiled, read in the transaction ``within`` if given. Raises what ``get`` raises."""
        return (await self._entry(version_id, within))[0]

    async def _entry(self, version_id: VersionId, within: UnitOfWork | None = None) -> tuple[Definition, Graph]:
        entry = self._known.get(version_id)
        if entry is not None:
            self._known.move_to_end(version_id)
            return entry
        if within is not None:
            version = await within.workflows.version(version_id)
        else:
            async with self._database.read() as uow:
                version = await uow.workflows.version(version_id)
        definition = self._load(version.document)
        entry = (definition, compile_graph(definition, version_id))
        self._known[version_id] = entry
        while len(self._known) > self._largest:
            self._known.popitem(last=False)
        return entry
