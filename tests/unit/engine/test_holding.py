"""Held events start in their order, once, when their workflow is active again."""

from engine.holding import BATCH, Releaser
from engine.model.base import DEFAULT_PROJECT
from engine.model.event import Fate
from engine.service import AT_ONCE
from tests.unit.engine.hub import ACTOR, Parts

TEXT = """
name: orders
triggers: {hook: {type: webhook, verify: none}}
nodes: {a: {type: transform, value: 1}}
"""


def releaser(parts: Parts) -> Releaser:
    return Releaser(database=parts.database, graphs=parts.graphs, announcements=parts.announcements, clock=parts.clock)


async def test_held_events_start_in_order_on_the_version_published_meanwhile(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    trigger = await parts.trigger(workflow, "hook")
    await parts.publishing.pause(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    held = [await parts.intake.accept(parts.event(trigger, n)) for n in range(3)]
    await releaser(parts).tick()
    assert parts.announcements.told == [], "while it is paused nothing starts"

    await parts.publishing.save(DEFAULT_PROJECT, workflow.id, TEXT.replace("value: 1", "value: 2"), actor=ACTOR)
    await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    await releaser(parts).tick()

    started = [execution_id for _, execution_id in parts.announcements.told]
    async with parts.database.read() as uow:
        events = [await uow.events.find(DEFAULT_PROJECT, receipt.event_id) for receipt in held]
        balance = await uow.executions.balance(trigger)
        execution = await uow.executions.find(DEFAULT_PROJECT, started[0])
        assert execution is not None
        assert (await uow.workflows.version(execution.version_id)).number == 2
    assert [event.execution_id for event in events if event] == started
    assert {event.fate for event in events if event} == {Fate.STARTED}
    assert (balance.accepted, balance.difference, balance.by_fate[Fate.HELD]) == (3, 0, 0)


async def test_two_releasers_start_an_event_once(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    await parts.publishing.pause(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    await parts.intake.accept(parts.event(await parts.trigger(workflow, "hook")))
    await parts.publishing.resume(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    for _ in range(2):
        await releaser(parts).tick()

    assert len(parts.announcements.told) == 1


async def test_more_than_a_batch_is_released_at_once_in_several_passes(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    trigger = await parts.trigger(workflow, "hook")
    await parts.publishing.pause(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    async with parts.database.write() as uow:
        await parts.intake.accept_in(uow, [parts.event(trigger, n) for n in range(BATCH + 1)])
        await uow.commit()
    await parts.publishing.resume(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    first, second = [await releaser(parts).tick() for _ in range(2)]

    assert first == AT_ONCE
    assert second > AT_ONCE
    assert len(parts.announcements.told) == BATCH + 1
