"""Events that were held while their workflow was paused: started in their order once it is active again."""

from dataclasses import dataclass
from datetime import timedelta

from engine.admission import Begun, Tells, admit, begun, tell
from engine.admission_rules import compile_gates
from engine.errors import ExpressionError
from engine.graphs import Graphs
from engine.model.base import JsonObject
from engine.model.event import Event, Fate, NewExecution
from engine.model.lineage import parent_of
from engine.model.workflow import Definition
from engine.ports import Clock, Database, UnitOfWork
from engine.scope import trigger_scope
from engine.service import AT_ONCE
from engine.starting import new_execution
from engine.turns import Entrant

BATCH = 200
IDLE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Released:
    """An event's execution, and the definition it runs."""

    execution: NewExecution
    definition: Definition


class Releaser:
    """Starts held events of active workflows. Two releasers at once do no harm: each event is settled once."""

    name = "releaser"

    def __init__(self, *, database: Database, graphs: Graphs, announcements: Tells, clock: Clock) -> None:
        self._database = database
        self._graphs = graphs
        self._announcements = announcements
        self._clock = clock

    async def tick(self) -> timedelta:
        """Release one batch, oldest first, on the version that is published now."""
        news: list[Begun] = []
        entrants: list[Entrant] = []
        async with self._database.write() as uow:
            events = await uow.events.releasable(limit=BATCH)
            for event in events:
                released = await self._execution(uow, event)
                entrant = await _entrant(uow, event, released)
                if entrant is None:
                    continue
                execution_id = released.execution.id
                if not await uow.events.settle(
                    event.id, fate=Fate.STARTED, reason="released", execution_id=execution_id
                ):
                    continue
                if entrant.gates:
                    entrants.append(entrant)
                else:
                    await uow.executions.insert([released.execution])
                    news.append(Begun(id=execution_id, lane=released.execution.lane))
            if entrants:
                verdicts = await admit(uow, entrants, now=self._clock.now())
                news += [begun(verdict.execution, verdict) for verdict in verdicts if verdict.execution is not None]
            await uow.commit()
        tell(self._announcements, news)
        return AT_ONCE if len(events) == BATCH else IDLE

    async def _execution(self, uow: UnitOfWork, event: Event) -> _Released:
        route = await uow.triggers.route(event.trigger_id)
        if route is None:
            raise LookupError(f"the trigger of the held event {event.id} is gone")
        trigger, version_id = route.trigger, route.trigger.version_id
        parent = parent_of(event.envelope)
        if parent is not None and parent.version_id is not None:
            version_id = parent.version_id
        elif route.split is not None and route.split.takes(event.dedupe_key or event.id):
            version_id = route.split.version_id
        definition = await self._graphs.definition(version_id, within=uow)
        execution = new_execution(
            project_id=event.project_id,
            workflow_id=event.workflow_id,
            version_id=version_id,
            trigger_id=event.trigger_id,
            trigger_key=trigger.key,
            event_id=event.id,
            settings=definition.settings,
            now=self._clock.now(),
            parent=parent,
        )
        return _Released(execution, definition)


async def _entrant(uow: UnitOfWork, event: Event, released: _Released) -> Entrant | None:
    """Find the gates in the way; where a key fails, the event is dead and nothing starts."""
    rules = released.definition.settings.admission
    gates = compile_gates(rules)
    if gates is None:
        return Entrant(execution=released.execution, gates={})
    whole = await uow.events.find(event.project_id, event.id)  # what is given may lack large data
    data = event.data if whole is None else whole.data
    scope: JsonObject = {
        "trigger": trigger_scope(event.id, event.occurred_at, event.envelope, data),
        "workflow": {"id": event.workflow_id, "name": released.definition.name},
        "now": event.occurred_at.isoformat(),
    }
    try:
        keyed = gates.keyed(event.workflow_id, scope)
    except ExpressionError as error:
        reason = f"a key in the workflow's settings failed: {error}"
        await uow.events.settle(event.id, fate=Fate.DEAD, reason=reason, execution_id=None)
        return None
    return Entrant(execution=released.execution, gates=keyed, rules=rules, event_id=event.id)
