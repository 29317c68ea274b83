"""The engine's parts on one database, wired as a hub wires them, without executors."""

from dataclasses import dataclass

from engine.brokers.inprocess import InProcessBroker
from engine.definition import Outside, load_document
from engine.graphs import Graphs
from engine.intake import Intake
from engine.model.base import DEFAULT_PROJECT, Json, TriggerId
from engine.model.event import NewEvent
from engine.model.workflow import Workflow
from engine.ports import Clock
from engine.publishing import Publishing
from engine.replay import Control
from engine.routes import Routes
from tests.fakes import RecordingAnnouncements, SwitchedDatabase

ACTOR = "key:test"


@dataclass
class Parts:
    """Everything that people and triggers touch."""

    database: SwitchedDatabase
    clock: Clock
    announcements: RecordingAnnouncements

    def __post_init__(self) -> None:
        self.broker = InProcessBroker()
        self.graphs = Graphs(self.database, load_document)
        self.routes = Routes(self.database, self.graphs)
        self.intake = Intake(
            database=self.database, routes=self.routes, announcements=self.announcements, clock=self.clock
        )
        self.publishing = Publishing(database=self.database, broker=self.broker, clock=self.clock, outside=Outside())
        self.control = Control(
            database=self.database,
            broker=self.broker,
            graphs=self.graphs,
            announcements=self.announcements,
            clock=self.clock,
        )

    async def publish(self, text: str) -> Workflow:
        """Store and publish a definition."""
        saved = await self.publishing.create(DEFAULT_PROJECT, text, actor=ACTOR)
        return await self.publishing.publish(DEFAULT_PROJECT, saved.workflow.id, actor=ACTOR)

    async def trigger(self, workflow: Workflow, key: str) -> TriggerId:
        """The id of a workflow's trigger."""
        async with self.database.read() as uow:
            found = await uow.triggers.find_by_key(workflow.id, key)
        assert found is not None
        return found.id

    def event(self, trigger: TriggerId, data: Json = None, *, key: str | None = None) -> NewEvent:
        """An event that happens now."""
        return NewEvent(trigger_id=trigger, dedupe_key=key, occurred_at=self.clock.now(), data=data)
