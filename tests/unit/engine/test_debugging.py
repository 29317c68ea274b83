"""People's acts on executions that they debug: what they may do when, and what is written down."""

from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from engine.audit import Act
from engine.debugging.editing import Edits
from engine.debugging.looking import MOST_RECORDS, Position, look
from engine.debugging.service import TIME, Debugging
from engine.errors import Conflict, InvalidRequest, NotFound
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, new_id
from engine.model.debugging import BREAKPOINT, Breakpoint, DebugPlan, When
from engine.model.execution import Claimed, Execution, ExecutionRecord, Status
from engine.repositories import ExecutionFilter, Page
from tests.fakes import FakeClock
from tests.unit.engine.flows import graph
from tests.unit.engine.hub import ACTOR, Parts
from tests.unit.engine.test_stops import Debugger

ME = ExecutorId("me")
WHO = Act(DEFAULT_PROJECT, ACTOR)
PLAN = DebugPlan(breakpoints=(Breakpoint(node="b"),))
TEXT = """
name: flow
{settings}
nodes: {{a: {{type: transform, value: 1}}, b: {{type: transform, value: 2}}}}
edges: [a -> b]
"""


def debugging(parts: Parts) -> Debugging:
    return Debugging(
        database=parts.database,
        graphs=parts.graphs,
        intake=parts.intake,
        announcements=parts.announcements,
        clock=parts.clock,
    )


async def start(parts: Parts, *, settings: str = "", plan: DebugPlan = PLAN) -> ExecutionId:
    workflow = await parts.publish(TEXT.format(settings=settings))
    trigger = await parts.trigger(workflow, "manual")
    assert workflow.published is not None
    graph = await parts.graphs.get(workflow.published)
    receipt = await debugging(parts).start(parts.event(trigger), plan, graph=graph, act=WHO)
    assert receipt.execution_id is not None
    return receipt.execution_id


async def claim(parts: Parts, execution: ExecutionId) -> Claimed:
    async with parts.database.write() as uow:
        [claimed] = await uow.executions.claim([execution], owner=ME, now=parts.clock.now())
        await uow.commit()
    return claimed


async def end(parts: Parts, claimed: Claimed) -> None:
    record = ExecutionRecord(
        id=claimed.id, owner=ME, epoch=claimed.epoch, status=Status.SUCCEEDED, finished_at=parts.clock.now()
    )
    async with parts.database.write() as uow:
        assert await uow.executions.record([record])
        await uow.commit()


async def executions(parts: Parts) -> list[Execution]:
    async with parts.database.read() as uow:
        return list(await uow.executions.list(DEFAULT_PROJECT, ExecutionFilter(), Page(limit=50)))


async def test_a_started_one_is_announced_and_has_a_day(parts: Parts) -> None:
    execution = await start(parts)

    claimed = await claim(parts, execution)

    assert [told for _, told in parts.announcements.told] == [execution]
    assert (claimed.debug, claimed.deadline_at) == (PLAN, parts.clock.now() + TIME)


async def test_every_act_gives_another_day(parts: Parts, clock: FakeClock) -> None:
    execution = await start(parts)
    clock.advance(timedelta(hours=20))

    await debugging(parts).set_breakpoints(execution, [], act=WHO)

    claimed = await claim(parts, execution)
    assert claimed.deadline_at == parts.clock.now() + TIME
    assert claimed.debug == DebugPlan()


async def test_an_event_that_starts_nothing_of_its_own_is_not_stored(parts: Parts) -> None:
    settings = "settings: {debounce: {for: 1m}}"
    await start(parts, settings=settings)
    workflow_id = (await executions(parts))[0].workflow_id
    async with parts.database.read() as uow:
        workflow = await uow.workflows.get(DEFAULT_PROJECT, workflow_id)
    assert workflow.published is not None
    graph = await parts.graphs.get(workflow.published)
    trigger = await parts.trigger(workflow, "manual")

    with pytest.raises(Conflict, match="nothing was started"):
        await debugging(parts).start(parts.event(trigger), PLAN, graph=graph, act=WHO)

    assert len(await executions(parts)) == 1


async def test_a_running_one_must_be_paused_first(parts: Parts) -> None:
    execution = await start(parts)
    await claim(parts, execution)

    with pytest.raises(Conflict, match="pause it"):
        await debugging(parts).attach(execution, PLAN, published=False, act=WHO)
    with pytest.raises(Conflict, match="while it rests"):
        await debugging(parts).set_breakpoints(execution, [], act=WHO)
    with pytest.raises(Conflict, match="does not stand"):
        await debugging(parts).go_on(execution, stepping=True, act=WHO)
    with pytest.raises(Conflict, match="does not stand"):
        await debugging(parts).edit(execution, Edits(has_input=True), act=WHO)


async def test_one_that_has_ended_runs_again_for_its_event(parts: Parts) -> None:
    execution = await start(parts)
    await end(parts, await claim(parts, execution))

    fresh = await debugging(parts).attach(execution, DebugPlan(stepping=True), published=True, act=WHO)

    claimed = await claim(parts, fresh)
    assert claimed.debug == DebugPlan(stepping=True)
    assert {one.id: one.rerun_of for one in await executions(parts)} == {execution: None, fresh: execution}


async def test_an_edit_of_one_that_never_ran_is_found_by_its_first_owner(parts: Parts) -> None:
    execution = await start(parts)
    async with parts.database.write() as uow:
        await uow.executions.pause(execution, now=parts.clock.now())
        await uow.commit()

    await debugging(parts).edit(execution, Edits(has_input=True, input={"x": 1}), act=WHO)
    await debugging(parts).go_on(execution, stepping=False, act=WHO)

    claimed = await claim(parts, execution)
    assert [(step.path, step.output) for step in claimed.steps] == [("a@1", {"x": 1})]


async def test_a_plan_that_fits_no_node_is_refused_and_unknown_executions_are_not_found(parts: Parts) -> None:
    execution = await start(parts)
    missing = ExecutionId(new_id())

    with pytest.raises(InvalidRequest, match="which is no node"):
        await debugging(parts).set_breakpoints(execution, [Breakpoint(node="z")], act=WHO)
    with pytest.raises(NotFound):
        await debugging(parts).look(missing, act=WHO)
    with pytest.raises(NotFound):
        await debugging(parts).attach(missing, PLAN, published=False, act=WHO)


async def test_what_is_shown_of_a_long_one_is_bounded_and_has_all_marks() -> None:
    flow = graph(*(f"n{index}" for index in range(300)))
    debugger = Debugger(flow)
    await debugger.drive(DebugPlan(breakpoints=(Breakpoint(node="n0", when=When.AFTER),)))
    await debugger.drive(DebugPlan(breakpoints=(Breakpoint(node="n299", when=When.AFTER),)))
    claimed = debugger.bench.claimed(flow, data="", steps=debugger.steps())
    standing = cast("Execution", SimpleNamespace(wait_reason=BREAKPOINT))

    seen = look(standing, DebugPlan(), claimed=claimed, graph=flow, clock=debugger.bench.clock)

    assert len(debugger.ran()) == 300
    assert len(seen.records) == MOST_RECORDS + 1
    assert [record.path for record in seen.records if record.is_mark] == ["n0@2", "n299@302"]
    assert seen.position == Position(when=When.AFTER, path="n299", node="n299")
