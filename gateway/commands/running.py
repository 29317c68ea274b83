"""Running a definition once: a hub of its own in a temporary folder, whose triggers all wait for a call."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from engine.definition import Outside, parse_definition
from engine.errors import NotFound
from engine.model.base import Json, JsonObject
from engine.model.workflow import TriggerKind
from gateway.client import HubClient, segment
from gateway.commands.past import wait_for_end
from gateway.settings import Settings

KEPT = ("filter", "map")
"""What a trigger keeps of its definition; when it would be due and what it verifies do not matter to one call."""


@contextmanager
def ephemeral(settings: Settings) -> Iterator[Settings]:
    """Yield settings of an embedded hub in a temporary folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="patchbay-run-") as folder:
        yield replace(
            Settings(allow_private=settings.allow_private, concurrency=settings.concurrency),
            data_dir=Path(folder),
            port=0,
            grace=timedelta(seconds=2),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Runnable:
    """A definition that only calls can start: its name, its text, and the keys of its triggers, manual ones first."""

    name: str
    text: str
    keys: list[str]

    def choose(self, trigger: str) -> str:
        """Return the trigger to call; empty for the implicit one. Raises NotFound: there is none of that key."""
        if trigger and trigger not in self.keys:
            raise NotFound(f'the definition has no trigger "{trigger}"; it has {", ".join(self.keys) or "none"}')
        return trigger or (self.keys[0] if self.keys else "")


def make_runnable(text: str, outside: Outside) -> Runnable:
    """Make every trigger of a definition a manual one.

    Raises:
        InvalidDefinition: With every problem and its place in ``text``.
    """
    definition, document = parse_definition(text, outside=outside)
    triggers: JsonObject = {
        key: {"type": TriggerKind.MANUAL.value, **{name: spec[name] for name in KEPT if name in spec}}
        for key, spec in document.get("triggers", {}).items()
    }
    manual = [key for key in triggers if definition.triggers[key].kind is TriggerKind.MANUAL]
    others = [key for key in triggers if key not in manual]
    changed = {**document, "triggers": triggers} if triggers else document
    return Runnable(name=definition.name, text=json.dumps(changed), keys=[*manual, *others])


def run_once(hub: HubClient, what: Runnable, value: Json, *, trigger: str, within: timedelta) -> JsonObject:
    """Bring a definition into an empty hub, start it once and return the execution when it has ended.

    If no execution was started, the answer says why and has no steps.

    Raises:
        Unavailable: It had not ended in time.
    """
    path = f"/workflows/{segment(what.name)}"
    hub.send_text("POST", "/workflows", what.text)
    hub.post(f"{path}/activate", {})
    started: JsonObject = hub.post(f"{path}/execute", value, params={"trigger": trigger} if trigger else None)
    if started["execution_id"] is None:
        return started
    return wait_for_end(hub, started["execution_id"], within=within)
