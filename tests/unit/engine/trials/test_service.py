"""Trials as people ask for them: what is read of an event, and what is refused before anything runs."""

from dataclasses import replace

import pytest

from engine.audit import Act
from engine.errors import Conflict, InvalidRequest, NotFound
from engine.model.base import DEFAULT_PROJECT, EventId, ExecutionId, new_id
from engine.model.workflow import Workflow
from engine.repositories import Page
from engine.trials.comparison import Verdict
from engine.trials.order import NodeOrder
from engine.trials.run import TrialStatus
from engine.trials.service import MOST_RECORDS, Trials
from engine.trials.single import Effects, NodeStatus
from engine.trials.trial import Candidate
from tests.unit.engine.flows import graph
from tests.unit.engine.hub import ACTOR, Parts
from tests.unit.engine.trials.stage import StubWorkers, ran, recording

WHO = Act(DEFAULT_PROJECT, ACTOR)
TEXT = """
name: flow
triggers: {hand: {type: manual, filter: "trigger.data.ok"}}
nodes: {shape: {type: transform, value: "{{ trigger.data.n }}"}, hold: {type: wait, for: callback, timeout: 1h}}
"""


def trials(parts: Parts) -> Trials:
    return Trials(database=parts.database, graphs=parts.graphs, clock=parts.clock, effects={}, workers=StubWorkers())


async def published(parts: Parts) -> tuple[Workflow, Candidate]:
    workflow = await parts.publish(TEXT)
    assert workflow.published is not None
    definition = await parts.graphs.definition(workflow.published)
    return workflow, Candidate(definition=definition, graph=await parts.graphs.get(workflow.published))


async def test_an_event_that_started_nothing_is_tried_as_if_it_had(parts: Parts) -> None:
    workflow, candidate = await published(parts)
    trigger = await parts.trigger(workflow, "hand")
    receipt = await parts.intake.accept(parts.event(trigger, {"n": 5}))
    unfiltered = replace(candidate.definition.triggers["hand"], filter=None)
    without = replace(candidate, definition=replace(candidate.definition, triggers={"hand": unfiltered}))

    stored = await trials(parts).recording(DEFAULT_PROJECT, event_id=receipt.event_id)
    same = await trials(parts).try_on(candidate, stored, given={})
    other = await trials(parts).try_on(without, stored, given={})

    assert (receipt.execution_id, stored.execution, stored.trigger_key) == (None, None, "hand")
    assert same.run.status is TrialStatus.NOT_STARTED
    assert other.run.status is TrialStatus.INCOMPLETE
    assert {step.path: step.verdict for step in other.steps} == {"shape": Verdict.NEWLY_RUN, "hold": Verdict.NEWLY_RUN}


async def test_what_is_not_stored_is_not_found(parts: Parts) -> None:
    with pytest.raises(NotFound):
        await trials(parts).recording(DEFAULT_PROJECT, event_id=EventId(new_id()))
    with pytest.raises(NotFound):
        await trials(parts).recording(DEFAULT_PROJECT, execution_id=ExecutionId(new_id()))


async def test_an_execution_that_is_too_long_is_not_compared_with(parts: Parts) -> None:
    flow = graph("a")
    done = await ran(flow, {})
    long = replace(recording(flow, done), records=tuple(done.steps) * (MOST_RECORDS + 1))
    _, candidate = await published(parts)

    with pytest.raises(Conflict, match=f"at most {MOST_RECORDS}"):
        await trials(parts).try_on(candidate, long, given={})


async def test_only_what_calls_something_can_be_called_for_real_and_a_refusal_is_not_audited(parts: Parts) -> None:
    workflow, candidate = await published(parts)
    order = NodeOrder(node="hold", effects=Effects.REAL)

    with pytest.raises(InvalidRequest, match="no call to make"):
        await trials(parts).run_node(candidate.graph, order, None, workflow=workflow.id, act=WHO)

    async with parts.database.read() as uow:
        entries = await uow.access.audit_entries(DEFAULT_PROJECT, Page())
    assert "node.run" not in {entry.action for entry in entries}


async def test_a_real_run_of_what_calls_nothing_is_audited_too(parts: Parts) -> None:
    workflow, candidate = await published(parts)
    order = NodeOrder(node="shape", effects=Effects.REAL, trigger={"data": {"n": 3}})

    alone = await trials(parts).run_node(candidate.graph, order, None, workflow=workflow.id, act=WHO)

    async with parts.database.read() as uow:
        entry, *_ = await uow.access.audit_entries(DEFAULT_PROJECT, Page())
    assert (alone.status, alone.output) == (NodeStatus.SUCCEEDED, 3)
    assert (entry.action, entry.target, entry.details["node"]) == ("node.run", workflow.id, "shape")
