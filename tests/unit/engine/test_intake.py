"""Every event gets exactly one fate, whatever its trigger, its filter and its workflow say."""

import asyncio

import pytest

from engine.errors import NotFound, Unavailable
from engine.model.base import DEFAULT_PROJECT, TriggerId, new_id
from engine.model.event import Fate
from engine.model.workflow import Lane
from tests.unit.engine.hub import ACTOR, Parts

PLAIN = """
name: plain
triggers: {hook: {type: webhook, verify: none}}
nodes: {a: {type: transform, value: 1}}
"""


def with_trigger(fields: str, settings: str = "") -> str:
    return PLAIN.replace("verify: none", f"verify: none, {fields}") + settings


async def test_an_event_starts_one_execution_and_is_announced_after_the_commit(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN), "hook")

    receipt = await parts.intake.accept(parts.event(trigger, {"n": 1}))

    assert (receipt.fate, receipt.duplicate) == (Fate.STARTED, False)
    assert parts.announcements.told == [(Lane.NORMAL, receipt.execution_id)]
    async with parts.database.read() as uow:
        event = await uow.events.find(DEFAULT_PROJECT, receipt.event_id)
        balance = await uow.executions.balance(trigger)
    assert event is not None
    assert (event.data, event.execution_id) == ({"n": 1}, receipt.execution_id)
    assert (balance.accepted, balance.difference) == (1, 0)


async def test_a_repeated_key_gets_the_first_ids_and_starts_nothing(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN), "hook")

    first, second = [await parts.intake.accept(parts.event(trigger, n, key="k")) for n in (1, 2)]

    assert (second.event_id, second.execution_id, second.duplicate) == (first.event_id, first.execution_id, True)
    assert len(parts.announcements.told) == 1
    async with parts.database.read() as uow:
        balance = await uow.executions.balance(trigger)
    assert balance.by_fate[Fate.DUPLICATE] == 1
    assert balance.difference == 0


async def test_copies_that_arrive_together_start_one_execution(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN), "hook")

    receipts = await asyncio.gather(*(parts.intake.accept(parts.event(trigger, n, key="k")) for n in range(50)))

    assert len({receipt.execution_id for receipt in receipts}) == 1
    assert sum(not receipt.duplicate for receipt in receipts) == 1
    assert len(parts.announcements.told) == 1


async def test_events_without_a_key_never_repeat_each_other(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN), "hook")

    receipts = [await parts.intake.accept(parts.event(trigger, "same")) for _ in range(3)]

    assert len({receipt.execution_id for receipt in receipts}) == 3


async def test_a_filter_that_is_false_keeps_the_event_as_filtered(parts: Parts) -> None:
    text = with_trigger('filter: "trigger.data.n > 1"')
    trigger = await parts.trigger(await parts.publish(text), "hook")

    low = await parts.intake.accept(parts.event(trigger, {"n": 1}))
    high = await parts.intake.accept(parts.event(trigger, {"n": 2}))

    assert (low.fate, low.execution_id) == (Fate.FILTERED, None)
    assert "trigger.data.n > 1" in low.reason
    assert high.fate is Fate.STARTED


async def test_a_filter_that_fails_keeps_the_event_as_dead_with_the_reason(parts: Parts) -> None:
    text = with_trigger('filter: "1 / trigger.data > 1"')
    trigger = await parts.trigger(await parts.publish(text), "hook")

    receipt = await parts.intake.accept(parts.event(trigger, 0))

    assert receipt.fate is Fate.DEAD
    assert "filter or dedupe expression failed" in receipt.reason


async def test_a_dedupe_expression_makes_the_key(parts: Parts) -> None:
    text = with_trigger('dedupe: {expression: "trigger.data.id"}')
    trigger = await parts.trigger(await parts.publish(text), "hook")

    receipts = [await parts.intake.accept(parts.event(trigger, {"id": n})) for n in (7, 7, 8)]

    assert [receipt.duplicate for receipt in receipts] == [False, True, False]


async def test_keys_too_long_to_store_are_still_told_apart(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN), "hook")
    long = "k" * 600

    receipts = [
        await parts.intake.accept(parts.event(trigger, key=key)) for key in (long + "a", long + "b", long + "a")
    ]

    assert [receipt.duplicate for receipt in receipts] == [False, False, True]


async def test_a_paused_workflow_holds_events_or_rejects_them_as_it_says(parts: Parts) -> None:
    holding = await parts.publish(PLAIN)
    rejecting = await parts.publish(PLAIN.replace("plain", "other") + "settings: {while_paused: reject}\n")
    fates = []
    for workflow in (holding, rejecting):
        await parts.publishing.pause(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
        receipt = await parts.intake.accept(parts.event(await parts.trigger(workflow, "hook")))
        fates.append(receipt.fate)

    assert fates == [Fate.HELD, Fate.REJECTED]
    assert parts.announcements.told == []


async def test_a_disabled_trigger_and_an_archived_workflow_reject_with_the_reason(parts: Parts) -> None:
    workflow = await parts.publish(with_trigger("enabled: false"))
    trigger = await parts.trigger(workflow, "hook")
    disabled = await parts.intake.accept(parts.event(trigger))
    await parts.publishing.archive(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    archived = await parts.intake.accept(parts.event(trigger))

    assert (disabled.fate, disabled.reason) == (Fate.REJECTED, "the trigger is disabled")
    assert archived.fate is Fate.REJECTED


async def test_the_next_event_after_publishing_runs_the_new_version(parts: Parts) -> None:
    workflow = await parts.publish(PLAIN)
    trigger = await parts.trigger(workflow, "hook")
    before = await parts.intake.accept(parts.event(trigger))

    await parts.publishing.save(DEFAULT_PROJECT, workflow.id, PLAIN.replace("value: 1", "value: 2"), actor=ACTOR)
    saved_only = await parts.intake.accept(parts.event(trigger))
    await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    after = await parts.intake.accept(parts.event(trigger))

    versions = []
    async with parts.database.read() as uow:
        for receipt in (before, saved_only, after):
            assert receipt.execution_id is not None
            execution = await uow.executions.find(DEFAULT_PROJECT, receipt.execution_id)
            assert execution is not None
            versions.append((await uow.workflows.version(execution.version_id)).number)
    assert versions == [1, 1, 2]


async def test_a_trigger_that_the_published_version_dropped_rejects(parts: Parts) -> None:
    workflow = await parts.publish(PLAIN)
    trigger = await parts.trigger(workflow, "hook")
    without = "name: plain\nnodes: {a: {type: transform, value: 1}}\n"
    await parts.publishing.save(DEFAULT_PROJECT, workflow.id, without, actor=ACTOR)
    await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    receipt = await parts.intake.accept(parts.event(trigger))

    assert (receipt.fate, receipt.reason) == (Fate.REJECTED, "the published version no longer has this trigger")


async def test_an_unknown_trigger_is_refused_without_failing_its_neighbours(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN), "hook")

    good, bad = await asyncio.gather(
        parts.intake.accept(parts.event(trigger)),
        parts.intake.accept(parts.event(TriggerId(new_id()))),
        return_exceptions=True,
    )

    assert not isinstance(good, BaseException)
    assert isinstance(bad, NotFound)


async def test_while_the_database_is_away_nothing_is_accepted(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN), "hook")
    parts.database.away = True

    with pytest.raises(Unavailable):
        await parts.intake.accept(parts.event(trigger))

    assert parts.announcements.told == []


async def test_the_priority_chooses_the_lane(parts: Parts) -> None:
    trigger = await parts.trigger(await parts.publish(PLAIN + "settings: {priority: high}\n"), "hook")

    await parts.intake.accept(parts.event(trigger))

    assert [lane for lane, _ in parts.announcements.told] == [Lane.HIGH]
