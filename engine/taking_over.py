"""What a new execution takes over from the history of another when a person replays it from a step."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.errors import Conflict
from engine.graph import Graph
from engine.model.execution import Execution, Status, StepRecord, StepStatus
from engine.model.node import NodeKind
from engine.planner import apply, begin, is_closing_step


def kept_records(
    graph: Graph, old: Execution, records: Sequence[StepRecord], path: str, *, now: datetime
) -> list[StepRecord]:
    """Return what a new execution need not do again if it begins at an outermost step.

    That is everything recorded before the step, and what no way leads to from there. Failed steps of other branches
    are tried again, those that waited when the execution ended go on waiting. Undos and ``finally`` come again at the
    new end. What a person edited before the step stays edited.

    Raises:
        Conflict: The step was never recorded or lies inside another, the execution was cancelled, so that calls may be
            under way, or its steps were taken back.
    """
    _check(old, [record for record in records if not record.is_mark], path)
    begun = min(record.seq for record in records if record.path == path)
    again = _from(graph, next(record.node for record in records if record.path == path))
    kept = []
    for record in records:
        if is_closing_step(record.node):
            continue
        top = record.node.partition(".")[0]
        if record.seq >= begun and (top in again or graph.nodes[top].kind is NodeKind.STOP):
            continue
        if record.status is StepStatus.CANCELLED:
            due_at = record.due_at or now
            kept.append(replace(record, status=StepStatus.WAITING, finished_at=None, error=None, due_at=due_at))
        elif record.ports or record.status not in (StepStatus.FAILED, StepStatus.UNKNOWN):
            kept.append(record)
    return _that_follow(graph, old.trigger_key, kept)


def _check(old: Execution, records: Sequence[StepRecord], path: str) -> None:
    if old.status is Status.CANCELLED:
        raise Conflict("a cancelled execution may have calls under way; replay it from start")
    if any(record.node.endswith(".undo") for record in records):
        raise Conflict("what the execution did was taken back by its undos; replay it from start")
    if all(record.path != path for record in records):
        known = ", ".join(dict.fromkeys(record.path for record in records if "." not in record.path)) or "none"
        raise Conflict(f'the execution has no recorded step "{path[:200]}"; recorded: {known[:500]}')
    if "." in path:
        top = path.partition(".")[0].partition("[")[0]
        raise Conflict(f'"{path[:200]}" lies inside "{top}"; replay from "{top}", or from the failed step')


def _that_follow(graph: Graph, trigger_key: str, records: Sequence[StepRecord]) -> list[StepRecord]:
    """Leave out what is reached only by way of something that was left out, such as a join that had waited for it."""
    state = begin(graph, trigger_key, None)
    kept = []
    for record in records:
        try:
            apply(state, record)
        except ValueError:
            continue
        kept.append(record)
    return kept


def _from(graph: Graph, node: str) -> set[str]:
    """The nodes that a way leads to from a node, itself included."""
    reached, ahead = {node}, [node]
    while ahead:
        source = ahead.pop()
        targets = {edge.target for edge in graph.flow.edges if edge.source == source} - reached
        reached |= targets
        ahead += targets
    return reached
