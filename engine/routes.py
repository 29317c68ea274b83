"""Where an event of a trigger goes: the trigger, its published definition, and whether its workflow takes events.

Routes are cached under the database's stamp, which rises in every transaction that changes one. Intake compares the
stamp inside its own transaction, so an event is never routed by a definition that was replaced before its commit.
"""

from dataclasses import dataclass, replace

from engine.admission_rules import Gates, compile_gates
from engine.expressions import Expression, compile_expression
from engine.graphs import Graphs
from engine.model.base import TriggerId, VersionId
from engine.model.split import Split
from engine.model.trigger import Trigger
from engine.model.workflow import (
    ManualSpec,
    TriggerDefinition,
    TriggerKind,
    WebhookSpec,
    WorkflowSettings,
    WorkflowStatus,
)
from engine.ports import Database, UnitOfWork
from engine.repositories import StoredRoute

MANUAL_KEY = "manual"
IMPLICIT_MANUAL = TriggerDefinition(key=MANUAL_KEY, kind=TriggerKind.MANUAL, spec=ManualSpec())
"""What a workflow without a manual trigger of its own is started with by people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """All that decides an event's fate, compiled."""

    trigger: Trigger
    definition: TriggerDefinition
    settings: WorkflowSettings
    workflow_status: WorkflowStatus
    workflow_name: str
    filter: Expression | None
    dedupe: Expression | None
    gates: Gates | None = None
    split: Split | None = None
    challenger: "Variant | None" = None

    @property
    def takes_events(self) -> bool:
        """Whether outside calls for this trigger are answered at all."""
        published = self.workflow_status in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED)
        return self.trigger.active and self.trigger.enabled and published

    def variant(self, key: str) -> "Variant":
        """The version that an event with this dedupe key or id runs."""
        if self.split is not None and self.challenger is not None and self.split.takes(key):
            return self.challenger
        return Variant(version_id=self.trigger.version_id, settings=self.settings, gates=self.gates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What a version says about its executions."""

    version_id: VersionId
    settings: WorkflowSettings
    gates: Gates | None


class Routes:
    """Finds routes by trigger and by hook address."""

    def __init__(self, database: Database, graphs: Graphs) -> None:
        self._database = database
        self._graphs = graphs
        self._by_trigger: dict[TriggerId, Route] = {}
        self._by_hook: dict[str, Route] = {}
        self.stamp = -1

    async def get(self, trigger_id: TriggerId) -> Route | None:
        """The route of a trigger, as of ``stamp``. Raises Unavailable."""
        route = self._by_trigger.get(trigger_id)
        if route is not None:
            return route
        async with self._database.read() as uow:
            self.renew(await uow.triggers.stamp())
            stored = await uow.triggers.route(trigger_id)
        return await self._keep(stored)

    async def by_hook(self, address: str) -> Route | None:
        """The route of a webhook, by hook id or readable path. Raises Unavailable."""
        route = self._by_hook.get(address)
        if route is not None:
            return route
        async with self._database.read() as uow:
            self.renew(await uow.triggers.stamp())
            stored = await uow.triggers.by_hook(address)
        route = await self._keep(stored)
        if route is not None:
            self._by_hook[address] = route
        return route

    async def refresh(self) -> bool:
        """Ask the database for the stamp; say whether it moved and everything cached was dropped."""
        async with self._database.read() as uow:
            return self.renew(await uow.triggers.stamp())

    async def within(self, uow: UnitOfWork, trigger_id: TriggerId) -> Route | None:
        """The route of a trigger as the transaction ``uow`` sees it, if the caller has renewed the stamp in it."""
        return self._by_trigger.get(trigger_id) or await self._keep(await uow.triggers.route(trigger_id), within=uow)

    async def pinned(self, uow: UnitOfWork, route: Route, version_id: VersionId) -> Route:
        """The same route leading to another version, which an event asks for by name. Raises what ``Graphs`` raises."""
        settings = (await self._graphs.definition(version_id, within=uow)).settings
        trigger, gates = replace(route.trigger, version_id=version_id), compile_gates(settings.admission)
        return replace(route, trigger=trigger, settings=settings, gates=gates, split=None, challenger=None)

    def renew(self, stamp: int) -> bool:
        """Drop everything cached if ``stamp`` is a new one; say whether it is."""
        if stamp == self.stamp:
            return False
        self._by_trigger.clear()
        self._by_hook.clear()
        self.stamp = stamp
        return True

    async def _keep(self, stored: StoredRoute | None, *, within: UnitOfWork | None = None) -> Route | None:
        if stored is None:
            return None
        trigger = stored.trigger
        stamp = self.stamp
        definition = await self._graphs.definition(trigger.version_id, within=within)
        declared = definition.triggers.get(trigger.key) or IMPLICIT_MANUAL
        spec = declared.spec
        dedupe = spec.dedupe_expression if isinstance(spec, WebhookSpec) else None
        route = Route(
            trigger=trigger,
            definition=declared,
            settings=definition.settings,
            workflow_status=stored.workflow_status,
            workflow_name=stored.workflow_name,
            filter=compile_expression(declared.filter) if declared.filter else None,
            dedupe=compile_expression(dedupe) if dedupe else None,
            gates=compile_gates(definition.settings.admission),
            split=stored.split,
            challenger=None if stored.split is None else await self._challenger(stored.split, within),
        )
        if stamp == self.stamp:  # somebody else may have renewed meanwhile; then this one is not kept
            self._by_trigger[trigger.id] = route
        return route

    async def _challenger(self, split: Split, within: UnitOfWork | None) -> Variant:
        settings = (await self._graphs.definition(split.version_id, within=within)).settings
        return Variant(version_id=split.version_id, settings=settings, gates=compile_gates(settings.admission))
