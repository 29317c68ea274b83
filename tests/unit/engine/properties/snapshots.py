"""A planner's state as plain data, so that two of them can be compared and a difference can be read."""

from typing import Any

from engine.state import Frame, Stage, State, Visit


def snapshot(state: State) -> dict[str, Any]:
    """Everything that decides what comes next.

    What is ready and what runs is the same for the next owner. Of frames that come to an early end only that is told:
    one owner waits for what runs in them, the next has nothing that runs.
    """
    frames: list[Frame] = [state.root]
    for visit in state.pending.values():
        frames += [frame for frame in _frames(visit) if frame not in frames]
    return {
        "phase": state.phase,
        "ending": state.ending,
        "seq": state.seq,
        "variables": state.variables,
        "undoable": [done.path for done in state.undoable],
        "pending": {path: _visit(visit) for path, visit in state.pending.items() if not visit.frame.closing},
        "frames": {frame.prefix: _frame(frame) for frame in frames if not _is_doomed(frame)},
    }


def _frames(visit: Visit) -> list[Frame]:
    return [visit.frame, *(visit.inside.frames.values() if visit.inside else ())]


def _is_doomed(frame: Frame) -> bool:
    """Whether a frame lies in one that comes to an early end."""
    return frame.owner is not None and frame.owner.frame.closing is not None


def _visit(visit: Visit) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "stage": "running" if visit.stage is Stage.READY else visit.stage.value,
        "attempt": visit.attempt,
        "reason": None if visit.intended else visit.reason,
        "due_at": None if visit.intended else visit.due_at,
        "intended": visit.intended,
        "arrivals": visit.arrivals,
    }
    inside = visit.inside
    if inside is not None:
        shown["inside"] = {
            "opening": inside.opening,
            "begun": inside.begun,
            "frames": sorted(map(str, inside.frames)),
            "results": inside.results,
            "failures": inside.failures,
            "failure": inside.failure,
        }
    return shown


def _frame(frame: Frame) -> dict[str, Any]:
    if frame.closing:
        return {"closing": frame.closing, "failure": frame.failure}
    return {
        "visits": frame.visits,
        "outputs": {key: value for key, value in frame.outputs.items() if key in frame.flow.nodes},
        "ends": frame.ends,
        "skipped": frame.skipped,
        "queues": {index: list(queue) for index, queue in frame.queues.items() if queue},
        "gatherings": {key: (each.tokens, each.fired) for key, each in frame.gatherings.items()},
        "regions": {number: (each.busy, each.entered, each.taken, each.held) for number, each in frame.regions.items()},
        "under_way": sorted(frame.under_way),
    }


def difference(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two snapshots differ, a line for each place."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [*one, *(key for key in other if key not in one)]
        return [line for key in keys for line in difference(one.get(key), other.get(key), f"{at}/{key}")]
    return [] if one == other else [f"{at}: {one!r} != {other!r}"]
