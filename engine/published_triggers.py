"""The triggers that a version brings along when it is published, with the addresses of its hooks."""

import secrets
from collections.abc import Mapping

from engine.model.base import ProjectId, TriggerId, new_id
from engine.model.trigger import Trigger
from engine.model.workflow import Definition, TriggerDefinition, TriggerKind, Version, WebhookSpec
from engine.ports import UnitOfWork
from engine.routes import IMPLICIT_MANUAL, MANUAL_KEY

HOOK_ID_BYTES = 18  # 144 random bits: a hook's address is as hard to guess as a key


async def publish_triggers(uow: UnitOfWork, project: ProjectId, version: Version, definition: Definition) -> None:
    """Make a version's triggers the workflow's active ones, under the ids and addresses they had before.

    Raises:
        Conflict: A hook path is taken by another workflow.
    """
    triggers = [await _trigger(uow, project, version, declared) for declared in _declared(definition).values()]
    await uow.triggers.publish(version.workflow_id, triggers)
    for trigger in triggers:
        await _address(uow, trigger, definition)


async def _trigger(uow: UnitOfWork, project: ProjectId, version: Version, declared: TriggerDefinition) -> Trigger:
    known = await uow.triggers.find_by_key(version.workflow_id, declared.key)
    return Trigger(
        id=TriggerId(new_id()) if known is None else known.id,
        project_id=project,
        workflow_id=version.workflow_id,
        version_id=version.id,
        key=declared.key,
        kind=declared.kind,
        active=True,
        enabled=declared.enabled,
        hook_id=None if known is None else known.hook_id,
    )


def _declared(definition: Definition) -> Mapping[str, TriggerDefinition]:
    """The triggers of a definition, and a manual one if it has none, so that people can always start it."""
    has_manual = any(trigger.kind is TriggerKind.MANUAL for trigger in definition.triggers.values())
    if has_manual or MANUAL_KEY in definition.triggers:
        return definition.triggers
    return {**definition.triggers, MANUAL_KEY: IMPLICIT_MANUAL}


async def _address(uow: UnitOfWork, trigger: Trigger, definition: Definition) -> None:
    """Give a webhook its address; a workflow keeps its addresses for ever."""
    declared = definition.triggers.get(trigger.key)
    if declared is None or not isinstance(declared.spec, WebhookSpec):
        return
    hook_id = trigger.hook_id or secrets.token_urlsafe(HOOK_ID_BYTES)
    await uow.triggers.set_hook(trigger.id, hook_id=hook_id, path=declared.spec.path)
