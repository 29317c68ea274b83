"""What an execution did, as people see it: the recorded attempts, what was skipped, and what each node was given.

Skipped nodes, the outputs of nodes that pass their input on, and how far loops are, are not stored; the fold over the
recorded steps gives them back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.bodies import FIRST, rounds
from engine.graph import Graph
from engine.model.base import Json, JsonObject
from engine.model.execution import StepRecord, StepStatus
from engine.model.node import LoopSpec, NodeSpec, ParallelSpec
from engine.planner import apply, begin, find_visit
from engine.state import FrameKey, Inside, State, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What became of the iterations of a loop, or of the branches of a parallel node.

    ``total`` is ``None`` where nobody knows it before the end (``while``). ``done`` counts those that are over, however
    they ended, ``failed`` those of them that failed. ``first`` is the number of the first iteration, not 0 in an
    execution that runs a part of a spread loop; of that loop itself nothing is begun here.
    """

    total: int | None
    begun: int
    done: int
    failed: int
    first: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Attempts in order with their derived outputs; keys of outermost nodes that were skipped, and that may still come.

    ``parts`` belong to the steps of loops and parallel nodes, by path.
    """

    steps: Sequence[StepRecord]
    skipped: Sequence[str] = ()
    ahead: Sequence[str] = ()
    parts: Mapping[str, Parts] = field(default_factory=dict)


def history(graph: Graph, trigger_key: str, data: Json, records: Sequence[StepRecord]) -> History:
    """Fold the records and complete them.

    ``data`` is the trigger's data as the workflow saw it. ``records`` may be those of outermost steps alone. Records
    that do not follow from the graph are shown as they are stored.
    """
    fold = _Fold(begin(graph, trigger_key, data))
    try:
        shown = [fold.add(record) for record in records]
    except ValueError:
        return History(steps=tuple(records))
    for visit in fold.state.pending.values():
        fold.count(visit)
    seen = {record.node for record in records if not record.is_mark}
    return History(
        steps=tuple(shown),
        skipped=tuple(key for key in graph.nodes if key in fold.state.root.skipped),
        ahead=tuple(key for key in graph.nodes if key not in seen and key not in fold.state.root.skipped),
        parts=fold.parts,
    )


def without_openings(records: Sequence[StepRecord]) -> Sequence[StepRecord]:
    """Leave out the openings of steps of which more is recorded, and from the others what is to run inside."""
    ended = {record.path for record in records if record.attempt > 0}
    kept = (record for record in records if record.attempt > 0 or record.path not in ended)
    return tuple(replace(record, output=None) if record.attempt == 0 else record for record in kept)


def total_parts(spec: NodeSpec, opening: JsonObject) -> int | None:
    """How many iterations or branches there are to be, by what was recorded when the node was opened."""
    if isinstance(spec, ParallelSpec):
        return len(spec.branches)
    if isinstance(spec, LoopSpec) and "rounds" not in opening:
        return rounds(spec, Inside(opening=opening, seq=0))
    return None


def first_part(spec: NodeSpec, opening: JsonObject) -> int:
    """The number of the first iteration, by what was recorded when the loop was opened."""
    return int(opening.get(FIRST, 0)) // ((spec.batch if isinstance(spec, LoopSpec) else None) or 1)


class _Fold:
    """A state, and what is counted while records are folded into it."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.parts: dict[str, Parts] = {}
        self._failed: dict[str, set[FrameKey]] = {}

    def add(self, record: StepRecord) -> StepRecord:
        """Fold one record and return it completed. Raises ValueError: it does not follow."""
        completed = record
        if record.status is not StepStatus.SKIPPED and not record.is_mark:
            visit = find_visit(self.state, record)
            self.count(visit)
            owner = visit.frame.owner
            if owner is not None and record.status in (StepStatus.FAILED, StepStatus.UNKNOWN) and not record.ports:
                self._failed.setdefault(owner.path, set()).add(visit.frame.key)
            if record.status is StepStatus.SUCCEEDED and visit.node.passes_input:
                completed = replace(record, output=self.state.input_of(visit))
        apply(self.state, record)
        return completed

    def count(self, visit: Visit) -> None:
        """Take down how far an open visit is; when its end is recorded, that is how far it came."""
        inside = visit.inside
        if inside is not None:
            self.parts[visit.path] = Parts(
                total=total_parts(visit.node.node.spec, inside.opening),
                begun=inside.begun,
                done=inside.begun - len(inside.frames),
                failed=len(self._failed.get(visit.path, ())),
                first=first_part(visit.node.node.spec, inside.opening),
            )
