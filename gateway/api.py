"""What the API's handlers share besides the hub: recognised keys and compiled input schemas, kept per application."""

from collections import OrderedDict
from dataclasses import dataclass

from engine.errors import DefinitionError, InvalidRequest, Problem
from engine.model.base import Json, JsonObject, VersionId
from engine.ports import UnitOfWork
from engine.value_schemas import ValueSchema
from gateway.auth import Keys
from gateway.bootstrap import Hub
from gateway.readings import Readings

MOST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Api:
    """One application's parts."""

    hub: Hub
    keys: Keys
    numbers: "Numbers"
    schemas: "InputSchemas"
    readings: Readings


def open_api(hub: Hub) -> Api:
    """Build the parts for a hub."""
    return Api(
        hub=hub,
        keys=Keys(hub.database, hub.clock),
        numbers=Numbers(),
        schemas=InputSchemas(),
        readings=Readings(database=hub.database, broker=hub.broker, clock=hub.clock),
    )


class Numbers:
    """The number of a version by its id, which never changes."""

    def __init__(self) -> None:
        self._known: dict[VersionId, int] = {}

    async def get(self, uow: UnitOfWork, version_id: VersionId) -> int:
        """Raises NotFound."""
        if version_id not in self._known:
            if len(self._known) >= MOST_KEPT:
                self._known.clear()
            self._known[version_id] = (await uow.workflows.version(version_id)).number
        return self._known[version_id]


class InputSchemas:
    """Compiled input schemas of manual triggers. A version never changes, so neither does what its schema means."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[VersionId, str], ValueSchema] = OrderedDict()

    def check(self, version_id: VersionId, key: str, schema: JsonObject, value: Json) -> None:
        """Check an input.

        Raises:
            InvalidRequest: It does not satisfy the schema; the first problem names its path inside the value.
        """
        known = self._known.get((version_id, key)) or self._compile(version_id, key, schema)
        problem = known.problem(value, "input")
        if problem is not None:
            place, _, message = problem.partition(": ")
            found = Problem(place=place, message=message[:500])
            raise InvalidRequest("the input does not satisfy the trigger's input_schema", problems=(found,))

    def _compile(self, version_id: VersionId, key: str, schema: JsonObject) -> ValueSchema:
        try:
            compiled = ValueSchema(schema)
        except ValueError as exc:
            raise DefinitionError(f'the input_schema of the trigger "{key}" cannot be used: {exc}') from exc
        self._known[version_id, key] = compiled
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return compiled
