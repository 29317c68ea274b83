"""What an execution did, as people see it: the recorded attempts, what was skipped, and what each node was given.

Skipped nodes and the outputs of nodes that pass their input on are not stored; the fold over the recorded steps gives
them back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.graph import Graph
from engine.model.base import Json
from engine.model.execution import StepRecord, StepStatus
from engine.planner import apply, begin, find_visit
from engine.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All attempts in order with their derived outputs; keys of nodes that were skipped, and that may still come."""

    steps: Sequence[StepRecord]
    skipped: Sequence[str]
    ahead: Sequence[str]


def history(graph: Graph, trigger_key: str, data: Json, records: Sequence[StepRecord]) -> History:
    """Fold the records and complete them.

    ``data`` is the trigger's data as the workflow saw it. Records that do not follow from the graph are shown as they
    are stored.
    """
    state = begin(graph, trigger_key, data)
    shown = []
    for record in records:
        if record.is_mark:
            apply(state, record)
            shown.append(record)
            continue
        try:
            shown.append(_completed(state, record))
            apply(state, record)
        except ValueError:
            return History(steps=tuple(records), skipped=(), ahead=())
    seen = {record.node for record in records if not record.is_mark}
    skipped = tuple(key for key in graph.nodes if key in state.root.skipped)
    ahead = tuple(key for key in graph.nodes if key not in seen and key not in state.root.skipped)
    return History(steps=tuple(shown), skipped=skipped, ahead=ahead)


def _completed(state: State, record: StepRecord) -> StepRecord:
    if record.status is StepStatus.SKIPPED:
        return record
    visit = find_visit(state, record)
    if record.status is StepStatus.SUCCEEDED and visit.node.passes_input:
        return replace(record, output=state.input_of(visit))
    return record
