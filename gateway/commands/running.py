"""Running a definition once: a hub of its own in a temporary folder, whose triggers all wait for a call."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from engine.definition import parse_definition
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


def callable_text(text: str) -> tuple[str, str, list[str]]:
    """Return a definition whose triggers are all manual, its name, and the keys of its triggers.

    Raises:
        InvalidDefinition: With every problem and its place in ``text``.
    """
    definition, document = parse_definition(text)
    triggers: JsonObject = {
        key: {"type": TriggerKind.MANUAL.value, **{name: spec[name] for name in KEPT if name in spec}}
        for key, spec in document.get("triggers", {}).items()
    }
    kinds = {key: trigger.kind for key, trigger in definition.triggers.items()}
    keys = sorted(triggers, key=lambda key: kinds[key] is not TriggerKind.MANUAL)  # stable: manual ones first
    return json.dumps({**document, "triggers": triggers} if triggers else document), definition.name, keys


def run_once(hub: HubClient, text: str, value: Json, *, trigger: str, within: timedelta) -> JsonObject:
    """Bring a definition into an empty hub, start it once and return the execution when it has ended.

    Raises:
        NotFound: The definition has no trigger ``trigger``.
        Unavailable: It had not ended in time.
    """
    changed, name, keys = callable_text(text)
    if trigger and trigger not in keys:
        raise NotFound(f'the definition has no trigger "{trigger}"; it has {", ".join(keys) or "none"}')
    hub.send_text("POST", "/workflows", changed)
    path = f"/workflows/{segment(name)}"
    hub.post(f"{path}/activate", {})
    chosen = trigger or (keys[0] if keys else "")
    started = hub.post(f"{path}/execute", value, params={"trigger": chosen} if chosen else None)
    if started["execution_id"] is None:
        return dict(started)
    return wait_for_end(hub, started["execution_id"], within=within)
