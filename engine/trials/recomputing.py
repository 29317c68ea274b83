"""What calls of a stored execution were given: inputs are not stored, and the recorded steps give them back."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from engine.attempts import Attempts
from engine.errors import PatchbayError
from engine.graph import Graph
from engine.model.execution import StepRecord
from engine.planner import apply, begin
from engine.state import State
from engine.trials.answers import AnswerHandler, Answers, SeenCall, is_answered
from engine.trials.places import Placed, nodes_by_place
from engine.trials.recording import Occasion
from engine.trials.run import Stage
from engine.trials.virtual import MemoryRecords


def recompute_calls(
    graph: Graph, occasion: Occasion, records: tuple[StepRecord, ...], *, stage: Stage, nows: Mapping[str, str]
) -> Mapping[tuple[str, int], SeenCall]:
    """Return the calls of a stored execution by path and attempt, as their nodes rendered them.

    The records are folded up to the moment when each call began. ``nows`` is what ``now`` shows by path, so that two
    versions are compared at the same time of day; elsewhere it is the time of the execution's creation.
    Calls whose state cannot be rebuilt, or whose inputs cannot be rendered, are left out.
    """
    places = nodes_by_place(graph)
    look = _Looks(graph, occasion, replace(stage, handler=AnswerHandler(Answers())), nows)
    todo = deque(sorted((each for each in records if _is_call(places, each)), key=lambda each: each.started_at))
    try:
        state = begin(graph, occasion.trigger_key, look.attempts(None).data)
        for record in records:
            at = record.finished_at or record.started_at
            while todo and todo[0].started_at < at:
                look.at(state, todo.popleft())
            if _is_call(places, record):
                look.at(state, record)
            apply(state, record)
    except (PatchbayError, ValueError):
        pass  # the rest cannot be rebuilt; what was looked at so far is right
    return look.stage.handler.seen


@dataclass(frozen=True, slots=True)
class _Looks:
    """Renders the inputs of recorded calls from a state."""

    graph: Graph
    occasion: Occasion
    stage: Stage
    nows: Mapping[str, str]

    def attempts(self, now: str | None) -> Attempts:
        woken_at = None if now is None else datetime.fromisoformat(now)
        claimed = self.occasion.claimed(self.graph, woken_at=woken_at)
        return Attempts(claimed, self.graph, self.stage.tools(MemoryRecords()))

    def at(self, state: State, record: StepRecord) -> None:
        """Note the call of a record as it is about to begin, unless that was done or its visit is not there yet."""
        visit = state.pending.get(record.path)
        if visit is None or (record.path, record.attempt) in self.stage.handler.seen:
            return
        visit.attempt = record.attempt
        self.attempts(self.nows.get(record.path)).prepare(state, visit, record.started_at)


def _is_call(places: Mapping[str, Placed], record: StepRecord) -> bool:
    placed = places.get(record.node)
    return placed is not None and is_answered(placed.node) and record.attempt > 0 and record.note is None


def state_at(graph: Graph, occasion: Occasion, records: tuple[StepRecord, ...], *, path: str, stage: Stage) -> State:
    """Return the state of a stored execution when a visit was about to begin; at its end if it never began.

    Raises:
        ExpressionError: The trigger's ``map`` fails.
        ValueError: The records do not follow from the graph.
    """
    claimed = occasion.claimed(graph)
    state = begin(graph, occasion.trigger_key, Attempts(claimed, graph, stage.tools(MemoryRecords())).data)
    for record in records:
        if record.path == path:
            break
        apply(state, record)
    return state
