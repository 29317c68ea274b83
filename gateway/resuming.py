"""The parts of a hub by which executions wait for something from outside, and what resumes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.announcer import Announcements
from engine.approvals import Approvals
from engine.arrivals import Arrivals
from engine.children import Children
from engine.graphs import Graphs
from engine.intake import Intake
from engine.model.node import NodeKind
from engine.nodes.approval import ApprovalHandler
from engine.nodes.base import EffectHandler
from engine.nodes.child import ChildHandler
from engine.nodes.wait import WaitHandler
from engine.parts import Parts
from engine.ports import Broker, Clock, Database
from engine.watching import Watching
from gateway.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Resuming:
    """What comes from outside, children, the parts of a loop that is spread, and people's answers."""

    arrivals: Arrivals
    children: Children
    parts: Parts
    approvals: Approvals
    watching: Watching

    def effects(self) -> Mapping[NodeKind, EffectHandler]:
        """The handlers of the kinds that wait for something from outside."""
        return {
            NodeKind.WAIT: WaitHandler(self.arrivals, self.watching),
            NodeKind.WORKFLOW: ChildHandler(self.children),
            NodeKind.APPROVAL: ApprovalHandler(self.approvals),
        }


class World(Protocol):
    """What is open before the hub's own parts are made."""

    @property
    def settings(self) -> Settings: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def database(self) -> Database: ...

    @property
    def broker(self) -> Broker: ...

    @property
    def announcements(self) -> Announcements: ...


def open_resuming(world: World, *, graphs: Graphs, intake: Intake) -> Resuming:
    """Build the parts."""
    database, clock, announcements = world.database, world.clock, world.announcements
    deepest = world.settings.child_depth
    return Resuming(
        arrivals=Arrivals(database=database, announcements=announcements, clock=clock),
        children=Children(
            database=database, broker=world.broker, intake=intake, graphs=graphs, clock=clock, deepest=deepest
        ),
        parts=Parts(database=database, broker=world.broker, announcements=announcements, graphs=graphs, clock=clock),
        approvals=Approvals(database=database, announcements=announcements, clock=clock),
        watching=Watching(database=database, clock=clock),
    )
