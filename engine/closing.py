"""What comes after the work of an execution: taking back what it did, if it failed, and what ``finally`` holds.

Both run in frames of their own, one undo after another in the reverse order of what they take back. Their records
follow those of the work, so that another owner who folds them finds the same phase. Pure, like ``engine.planner``.
"""

from dataclasses import replace

from engine.bodies import begin_frame, leave_inside
from engine.cycles import NONE
from engine.flow import CompiledNode, Flow
from engine.model.base import Json, JsonObject
from engine.model.execution import Failure, Status
from engine.state import Ending, Frame, Phase, State, Undoable, Visit
from engine.tokens import begin_visit, end_visit


def note_undoable(state: State, visit: Visit, undo: CompiledNode, output: Json) -> None:
    """Remember that a finished visit can be taken back."""
    frame = visit.frame
    state.undoable.append(Undoable(visit.path, undo, output, frame.names, frame.outputs))


def undo_failed(state: State, failure: Failure) -> None:
    """Say in the execution's error that something of it could not be taken back; the other undos still run."""
    ending = state.ending
    if ending is not None and ending.error is not None:
        message = f"{ending.error.message}; and {failure.step or 'an undo'} failed: {failure.message}"[:4000]
        state.ending = replace(ending, error=replace(ending.error, message=message))


def conclude(state: State) -> bool:
    """Begin what comes next when the work, or the step of closing before, is over; false if nothing is left to do.

    Whatever had not begun when the work ended never will.
    """
    if state.phase is Phase.WORK:
        for visit in list(state.root.under_way.values()):
            leave_inside(state, visit)
            end_visit(state, visit)
        state.ready.clear()
    failed = state.ending is not None and state.ending.status is Status.FAILED
    if state.phase is not Phase.FINALLY and failed and state.undoable:
        state.phase = Phase.UNDO
        _begin_undo(state, state.undoable.pop())
        return True
    if state.graph.closing is None or state.phase is Phase.FINALLY:
        return False
    ending = state.ending = state.ending or Ending(Status.SUCCEEDED, output=state.root.result())
    state.phase = Phase.FINALLY
    outputs = dict(state.root.outputs)
    frame = Frame(
        flow=state.graph.closing,
        prefix="finally.",
        data=state.root.data,
        names={"outcome": shown_ending(ending)},
        outputs=outputs,
    )
    begin_frame(state, frame)
    return True


def shown_ending(ending: Ending) -> JsonObject:
    """What the nodes of ``finally`` see under ``outcome``."""
    error = ending.error.as_json() if ending.error else None
    return {"status": ending.status.value, "output": ending.output, "error": error}


def _begin_undo(state: State, done: Undoable) -> None:
    undo = done.undo
    flow = Flow(nodes={undo.key: undo}, edges=(), starts=(undo.key,), cycles=NONE)
    names = {**done.names, "output": done.output}
    frame = Frame(flow=flow, prefix=f"{done.path}.", data=done.output, names=names, outputs=done.outputs)
    begin_visit(state, Visit(path=f"{done.path}.undo", node=undo, frame=frame))
