"""What somebody asks of one node that runs alone, and the occasion that its expressions see."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.model.base import EventId, ExecutionId, JsonObject, ProjectId, WorkflowId
from engine.trials.answers import GivenAnswer
from engine.trials.recording import Occasion, Recording, occasion_of
from engine.trials.single import Effects, Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOrder:
    """One node that is to run alone.

    ``trigger`` is what its expressions see under that name, ``answer`` what a call gets instead of being made.
    """

    node: str
    scene: Scene = field(default_factory=Scene)
    trigger: JsonObject | None = None
    effects: Effects = Effects.NONE
    answer: GivenAnswer | None = None

    @property
    def path(self) -> str:
        """The visit that is meant, by its path."""
        return self.scene.visit or self.node


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it happens: the workflow, the time, and the id that its execution has where no stored one is taken."""

    project: ProjectId
    workflow: WorkflowId
    now: datetime
    fresh: ExecutionId


def occasion_for(order: NodeOrder, recording: Recording | None, place: Place) -> Occasion:
    """Return the occasion: that of what is stored, unless the caller gives a ``trigger``.

    A real call never gets the stored execution's id: its idempotency key would be that of a call that was made
    already, and the service might do nothing and answer what it answered then.
    """
    if recording is not None and order.trigger is None:
        found = occasion_of(recording, trigger_key=recording.trigger_key, execution_id=place.fresh)
        return replace(found, execution_id=place.fresh) if order.effects is Effects.REAL else found
    trigger = order.trigger or {}
    return Occasion(
        execution_id=place.fresh,
        project_id=place.project,
        workflow_id=place.workflow,
        trigger_key="",
        event_id=EventId(str(trigger.get("id", ""))),
        created_at=place.now,
        occurred_at=place.now,
        envelope={name: value for name, value in trigger.items() if name not in ("data", "id", "time")},
        data=trigger.get("data"),
    )
