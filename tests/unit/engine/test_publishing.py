"""Saving, publishing, pausing, archiving and deleting workflows."""

import pytest

from engine.errors import Conflict, InvalidDefinition, NotFound
from engine.model.base import DEFAULT_PROJECT
from engine.model.workflow import WorkflowStatus
from engine.repositories import Page
from engine.versions import find_version
from tests.unit.engine.hub import ACTOR, Parts

TEXT = """
name: orders
triggers: {hook: {type: webhook, verify: none, path: orders-in}}
nodes: {a: {type: transform, value: 1}}
"""
OTHER = TEXT.replace("value: 1", "value: 2")


async def test_a_new_workflow_is_a_draft_with_version_one(parts: Parts) -> None:
    saved = await parts.publishing.create(DEFAULT_PROJECT, TEXT, actor=ACTOR, note="first")

    assert (saved.workflow.status, saved.workflow.published, saved.workflow.latest) == (WorkflowStatus.DRAFT, None, 1)
    assert (saved.version.number, saved.version.created_by, saved.version.note) == (1, ACTOR, "first")


async def test_a_name_can_be_taken_once(parts: Parts) -> None:
    await parts.publishing.create(DEFAULT_PROJECT, TEXT, actor=ACTOR)

    with pytest.raises(Conflict, match="orders"):
        await parts.publishing.create(DEFAULT_PROJECT, OTHER, actor=ACTOR)


async def test_a_wrong_definition_stores_nothing(parts: Parts) -> None:
    with pytest.raises(InvalidDefinition):
        await parts.publishing.create(DEFAULT_PROJECT, TEXT.replace("transform", "transfrom"), actor=ACTOR)

    async with parts.database.read() as uow:
        assert await uow.workflows.list(DEFAULT_PROJECT, Page()) == []


async def test_saving_the_same_again_makes_no_version(parts: Parts) -> None:
    saved = await parts.publishing.create(DEFAULT_PROJECT, TEXT, actor=ACTOR)

    same = await parts.publishing.save(DEFAULT_PROJECT, "orders", TEXT + "# a comment\n", actor=ACTOR)
    changed = await parts.publishing.save(DEFAULT_PROJECT, saved.workflow.id, OTHER, actor=ACTOR)

    assert (same.created, same.version.number) == (False, 1)
    assert (changed.created, changed.version.number) == (True, 2)


async def test_publishing_an_older_version_rolls_back(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    first = workflow.published
    await parts.publishing.save(DEFAULT_PROJECT, workflow.id, OTHER, actor=ACTOR)
    second = (await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR)).published

    back = await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR, which="1")

    assert second != first
    assert back.published == first


async def test_rolling_back_goes_to_the_version_that_was_published_before_and_then_further(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    for name in ("second", "third", "fourth"):
        await parts.publishing.save(DEFAULT_PROJECT, workflow.id, f"{OTHER}description: {name}\n", actor=ACTOR)
        if name != "third":
            await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    numbers = []
    for _ in range(2):
        back = await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR, which="previous")
        async with parts.database.read() as uow:
            numbers.append((await find_version(uow, back, "published")).number)
    with pytest.raises(Conflict, match=r"before version 1 was ever published"):
        await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR, which="previous")

    assert numbers == [2, 1]


async def test_a_draft_has_nothing_to_roll_back_to(parts: Parts) -> None:
    await parts.publishing.create(DEFAULT_PROJECT, TEXT, actor=ACTOR)

    with pytest.raises(Conflict, match="has no published version"):
        await parts.publishing.publish(DEFAULT_PROJECT, "orders", actor=ACTOR, which="previous")


async def test_who_published_what_when_and_why_is_kept(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    await parts.publishing.save(DEFAULT_PROJECT, workflow.id, OTHER, actor=ACTOR)
    await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor="key:ann", note="ticket 7")

    async with parts.database.read() as uow:
        publications = await uow.publications.list(workflow.id)
        entry, *_ = await uow.access.audit_entries(DEFAULT_PROJECT, Page())

    assert {(one.published_by, one.note) for one in publications} == {(ACTOR, ""), ("key:ann", "ticket 7")}
    assert all(one.published_at == parts.clock.now() for one in publications)
    assert entry.details == {"version": 2, "before": 1, "note": "ticket 7", "split_ended": False}


async def test_a_hook_keeps_its_address_through_versions(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    async with parts.database.read() as uow:
        before = await uow.triggers.find_by_key(workflow.id, "hook")
    await parts.publishing.save(DEFAULT_PROJECT, workflow.id, OTHER, actor=ACTOR)
    await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    async with parts.database.read() as uow:
        after = await uow.triggers.find_by_key(workflow.id, "hook")
        by_path = await uow.triggers.by_hook("orders-in")
    assert before is not None
    assert after is not None
    assert by_path is not None
    assert before.hook_id
    assert (after.id, after.hook_id) == (before.id, before.hook_id)
    assert by_path.trigger.id == before.id


async def test_a_path_that_another_workflow_has_is_refused_and_nothing_changes(parts: Parts) -> None:
    await parts.publish(TEXT)
    second = await parts.publishing.create(DEFAULT_PROJECT, TEXT.replace("name: orders", "name: second"), actor=ACTOR)

    with pytest.raises(Conflict, match="orders-in"):
        await parts.publishing.publish(DEFAULT_PROJECT, second.workflow.id, actor=ACTOR)

    async with parts.database.read() as uow:
        assert (await uow.workflows.get(DEFAULT_PROJECT, "second")).published is None


async def test_publishing_with_a_missing_secret_is_refused_and_the_old_version_stays(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    signed = TEXT.replace("verify: none", "verify: {scheme: standard, secret: missing}")
    await parts.publishing.save(DEFAULT_PROJECT, workflow.id, signed, actor=ACTOR)

    with pytest.raises(InvalidDefinition, match="missing"):
        await parts.publishing.publish(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    async with parts.database.read() as uow:
        assert (await uow.workflows.get(DEFAULT_PROJECT, workflow.id)).published == workflow.published


async def test_a_workflow_without_triggers_can_be_started_by_people(parts: Parts) -> None:
    workflow = await parts.publish("name: bare\nnodes: {a: {type: transform, value: 1}}\n")

    assert await parts.trigger(workflow, "manual")


async def test_what_was_never_published_cannot_be_paused(parts: Parts) -> None:
    await parts.publishing.create(DEFAULT_PROJECT, TEXT, actor=ACTOR)

    with pytest.raises(Conflict, match="draft"):
        await parts.publishing.pause(DEFAULT_PROJECT, "orders", actor=ACTOR)


async def test_a_workflow_in_use_cannot_be_deleted(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)

    with pytest.raises(Conflict, match="archive it first"):
        await parts.publishing.delete(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    await parts.publishing.archive(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    await parts.publishing.delete(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    async with parts.database.read() as uow:
        with pytest.raises(NotFound):
            await uow.workflows.get(DEFAULT_PROJECT, workflow.id)
        assert await uow.triggers.by_hook("orders-in") is None


async def test_every_change_raises_the_stamp_and_leaves_an_audit_row(parts: Parts) -> None:
    workflow = await parts.publish(TEXT)
    async with parts.database.read() as uow:
        before = await uow.triggers.stamp()
    await parts.publishing.pause(DEFAULT_PROJECT, workflow.id, actor=ACTOR)
    await parts.publishing.resume(DEFAULT_PROJECT, workflow.id, actor=ACTOR)

    async with parts.database.read() as uow:
        entries = await uow.access.audit_entries(DEFAULT_PROJECT, Page())
        after = await uow.triggers.stamp()
    assert after == before + 2
    actions = ["workflow.active", "workflow.paused", "workflow.publish", "workflow.create"]
    assert [entry.action for entry in entries] == actions
    assert {entry.actor for entry in entries} == {ACTOR}
