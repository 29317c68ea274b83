"""The workflows of the demo: the same files as in ``examples/``, in a hurry and pointed at the demo's receiver."""

from dataclasses import dataclass
from pathlib import Path

from engine.model.base import DEFAULT_PROJECT, TriggerId, WorkflowId
from engine.model.event import NewEvent, Receipt
from engine.model.trigger import Trigger
from gateway.bootstrap import Hub

FOLDER = Path(__file__).parent
NAMES = ("paid-orders", "quote", "fan-out", "follow-up", "heartbeat")

CHANGES = {
    "follow-up": ("default: 24h", "default: 1s"),
    "heartbeat": ("every: 2s", "every: 1s"),
}
"""What the demo changes in a text, because nobody wants to wait for a day."""

RECEIVER = "http://127.0.0.1:8401"
ACTOR = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A published workflow, and its triggers by key."""

    id: WorkflowId
    name: str
    triggers: dict[str, Trigger]

    def trigger(self, key: str) -> Trigger:
        return self.triggers[key]


def text_of(name: str, *, receiver: str) -> str:
    """Return a definition as the demo applies it."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").replace(RECEIVER, receiver)
    before, after = CHANGES.get(name, ("", ""))
    return text.replace(before, after) if before else text


async def apply_workflow(hub: Hub, text: str) -> Applied:
    """Store a definition and publish it."""
    saved = await hub.publishing.create(DEFAULT_PROJECT, text, actor=ACTOR)
    workflow = await hub.publishing.publish(DEFAULT_PROJECT, saved.workflow.id, actor=ACTOR)
    async with hub.database.read() as uow:
        routes = await uow.triggers.list(DEFAULT_PROJECT, workflow_id=workflow.id)
    return Applied(id=workflow.id, name=workflow.name, triggers={route.trigger.key: route.trigger for route in routes})


async def start(hub: Hub, trigger_id: TriggerId, data: object) -> Receipt:
    """Start a workflow by a call, as a person does."""
    event = NewEvent(trigger_id=trigger_id, dedupe_key=None, occurred_at=hub.clock.now(), data=data)
    return await hub.intake.accept(event)
