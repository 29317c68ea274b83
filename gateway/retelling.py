"""Reads what an execution did, as much as an answer may hold, and completes it with what is not stored.

A loop can leave 100,000 steps behind. Up to ``MOST_TOLD`` of them are told whole; of a longer history the outermost
steps are, and what is inside them is read in pages. Nothing here holds more than one such part in memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.errors import DefinitionError
from engine.graph import Graph
from engine.history import History, Parts, first_part, history, total_parts, without_openings
from engine.model.base import ExecutionId, Json
from engine.model.event import Event
from engine.model.execution import Execution, StepRecord
from engine.model.node import LoopSpec, NodeSpec, ParallelSpec
from engine.ports import UnitOfWork
from engine.repositories import StepFilter
from engine.scope import trigger_scope
from gateway.bootstrap import Hub

MOST_TOLD: Final = 200
MOST_OUTERMOST: Final = 1000
MOST_COUNTED: Final = 20
"""For how many loops of a long history their iterations are counted, each by reading its part of an index."""

BUDGET: Final = 16 * 1024 * 1024
"""How many bytes of large values an answer holds; in place of the others stand markers with their size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Steps as they are stored, openings included. ``total`` attempts are; if that is too many, not all are here."""

    records: Sequence[StepRecord]
    total: int

    @property
    def whole(self) -> bool:
        return self.total <= MOST_TOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told of an execution; ``left_out`` is how many recorded attempts are not."""

    history: History
    left_out: int


async def read_recorded(uow: UnitOfWork, execution_id: ExecutionId) -> Recorded:
    """Read all steps of an execution, or the outermost ones if it has too many."""
    total = await uow.executions.step_count(execution_id)
    whole = total <= MOST_TOLD
    where = StepFilter(outermost=not whole, superseded=True)
    limit = MOST_TOLD if whole else MOST_OUTERMOST
    records = await uow.executions.some_steps(execution_id, where, limit=limit, budget=BUDGET)
    return Recorded(records=sorted(records, key=lambda record: record.seq), total=total)


async def tell(hub: Hub, execution: Execution, event: Event | None, recorded: Recorded) -> Told:
    """Complete the steps; they stay as they are stored where the version cannot be read or the event is gone."""
    told = History(steps=recorded.records)
    if event is not None:
        try:
            graph = await _graph(hub, execution)
            data = _seen_data(graph, execution, event)
            told = history(graph, execution.trigger_key, data, recorded.records)
        except DefinitionError:
            pass
    told = replace(told, steps=without_openings(told.steps))
    if not recorded.whole:
        told = replace(told, parts=await count_parts(hub, execution, told.steps))
    return Told(history=told, left_out=recorded.total - len(recorded.records))


async def count_parts(hub: Hub, execution: Execution, steps: Sequence[StepRecord]) -> Mapping[str, Parts]:
    """Count what is inside the loops and parallel nodes among these steps, of the first ones only."""
    try:
        containers = (await _graph(hub, execution)).containers()
    except DefinitionError:
        return {}
    counted = {step.path: containers[step.node] for step in steps if step.node in containers}
    if not counted:
        return {}
    async with hub.database.read() as uow:
        return {path: await _count(uow, execution.id, path, spec) for path, spec in [*counted.items()][:MOST_COUNTED]}


async def _graph(hub: Hub, execution: Execution) -> Graph:
    """The graph that an execution runs, which may be a part of its version. Raises DefinitionError."""
    graph = await hub.graphs.get(execution.version_id)
    return graph if execution.entry is None else graph.part(execution.entry)


async def _count(uow: UnitOfWork, execution_id: ExecutionId, path: str, spec: NodeSpec) -> Parts:
    where = StepFilter(path=path, superseded=True)
    attempts = await uow.executions.some_steps(execution_id, where, limit=1, budget=0)
    opened = attempts[0].output if attempts and attempts[0].attempt == 0 else None
    opening = opened if isinstance(opened, dict) else {}
    counts = await uow.executions.part_counts(execution_id, path, numbered=isinstance(spec, LoopSpec))
    return Parts(
        total=total_parts(spec, opening) if opening or isinstance(spec, ParallelSpec) else None,
        begun=counts.begun,
        done=counts.begun - counts.open,
        failed=counts.failed,
        first=first_part(spec, opening),
    )


def _seen_data(graph: Graph, execution: Execution, event: Event) -> Json:
    """The event's data as the workflow saw them. Raises DefinitionError: the trigger's ``map`` fails."""
    shape = graph.maps.get(execution.trigger_key)
    if shape is None:
        return event.data
    trigger = trigger_scope(event.id, event.occurred_at, event.envelope, event.data)
    names = {"id": execution.workflow_id, "name": graph.name, "version_id": execution.version_id}
    began = {"id": execution.id, "started_at": execution.created_at.isoformat()}
    scope = {"trigger": trigger, "workflow": names, "execution": began, "now": execution.woken_at.isoformat()}
    return shape.render({**scope, "steps": {}, "input": event.data, "vars": {}})
