"""What runs inside an open visit: the iterations of a loop, the branches of a parallel node, each in a frame.

A loop or parallel node becomes ready twice or more: first to say what is to run (its opening is recorded), then when
nothing inside it is left, to give its result; a ``while`` loop also between two rounds. In between the planner runs
its frames. Pure, like ``engine.planner``.
"""

from typing import Final

from engine.flow import Flow
from engine.model.base import Json, JsonObject
from engine.model.execution import Failure
from engine.model.node import LoopSpec, NodeSpec, OnItemError, ParallelSpec
from engine.state import Closing, Frame, FrameKey, Inside, Stage, State, Visit
from engine.tokens import end_visit, leave_regions, resolve_stalled, start_visit

SPREAD: Final = "spread"
"""In the opening of a loop whose iterations run in child executions: how many items each of them gets."""

FIRST: Final = "first"
"""In the opening of a loop of such a child: the number of its first item, and so of the items before it."""


def open_visit(state: State, visit: Visit, opening: JsonObject, *, seq: int) -> None:
    """Begin what is inside a visit, or let it go on after another round was granted."""
    if visit.inside is None:
        visit.inside = Inside(opening=opening, seq=seq)
    visit.inside.opening = opening
    if visit in state.ready:
        state.ready.remove(visit)
    if SPREAD in opening:
        visit.stage = Stage.READY
        state.ready.append(visit)
        return
    visit.stage = Stage.OPEN
    _go_on(state, visit, visit.inside)


def is_spread(visit: Visit) -> bool:
    """Whether what is inside a visit runs in other executions, which have to be started and waited for."""
    return visit.inside is not None and SPREAD in visit.inside.opening


def begin_frame(state: State, frame: Frame, starts: tuple[str, ...] | None = None) -> None:
    """Start a frame's start nodes, or those that are named."""
    for key in frame.flow.starts if starts is None else starts:
        start_visit(state, frame, frame.flow.nodes[key], ())


def settle_frame(state: State, frame: Frame) -> None:
    """After a visit ended: let go what was held back, and if nothing is left in the frame, tell its owner."""
    while frame.flow.cycles.regions and leave_regions(state, frame):
        pass
    resolve_stalled(state, frame)
    if frame.under_way or frame.owner is None or state.stopping:
        return
    _frame_over(state, frame, frame.owner)


def fail_frame(state: State, frame: Frame, failure: Failure) -> None:
    """A step inside a frame failed for good; the frame has an owner."""
    frame.failure = frame.failure or failure
    close_frame(state, frame, Closing.DRAIN)
    inside = frame.owner.inside if frame.owner else None
    if frame.owner is None or inside is None:
        return
    inside.failures[frame.key] = frame.failure
    if _is_fatal(frame.owner.node.node.spec, inside):
        inside.failure = inside.failure or failure
        for other in inside.frames.values():
            close_frame(state, other, Closing.DRAIN)


def close_frame(state: State, frame: Frame, how: Closing) -> None:
    """Let nothing more begin in a frame or in what is inside it; those that stand still are cancelled by the drive."""
    if frame.closing is None:
        state.closing += 1
    if frame.closing is not Closing.CANCEL:
        frame.closing = how
    for visit in frame.under_way.values():
        for inner in visit.inside.frames.values() if visit.inside else ():
            close_frame(state, inner, how)


def _is_fatal(spec: NodeSpec, inside: Inside) -> bool:
    """Whether the frames that failed so far decide that their owner fails."""
    if has_enough(spec, inside):
        return False
    if isinstance(spec, LoopSpec):
        return spec.on_item_error is OnItemError.FAIL
    assert isinstance(spec, ParallelSpec)  # noqa: S101  the definition's kinds and specs go together
    return len(spec.branches) - len(inside.failures) < (spec.needed or len(spec.branches))


def _frame_over(state: State, frame: Frame, owner: Visit) -> None:
    inside = owner.inside
    assert inside is not None  # noqa: S101  a frame with an owner was begun by opening it
    del inside.frames[frame.key]
    if frame.closing is not None:
        state.closing -= 1
    spec = owner.node.node.spec
    if frame.failure is not None:
        if isinstance(spec, LoopSpec):
            del inside.failures[frame.key]
        if isinstance(spec, LoopSpec) and spec.on_item_error is OnItemError.COLLECT:
            inside.results[frame.key] = {"error": frame.failure.as_json()}
    elif frame.closing is None:
        inside.results[frame.key] = frame.result()
        inside.succeeded += 1
        if has_enough(spec, inside):
            for other in inside.frames.values():
                close_frame(state, other, Closing.CANCEL)
    _go_on(state, owner, inside)


def has_enough(spec: NodeSpec, inside: Inside) -> bool:
    """Whether so many iterations or branches succeeded that nothing else inside matters any more."""
    if isinstance(spec, LoopSpec):
        return spec.needed is not None and inside.succeeded >= spec.needed
    assert isinstance(spec, ParallelSpec)  # noqa: S101  the definition's kinds and specs go together
    return inside.succeeded >= (spec.needed or len(spec.branches))


def leave_inside(state: State, visit: Visit) -> None:
    """Take out everything that is still inside a visit; its own end is recorded, and ends all of it."""
    for frame in visit.inside.frames.values() if visit.inside else ():
        for inner in list(frame.under_way.values()):
            leave_inside(state, inner)
            end_visit(state, inner)
        if frame.closing is not None:
            state.closing -= 1
    visit.inside = None


def _go_on(state: State, owner: Visit, inside: Inside) -> None:
    """Begin what may begin inside an open visit; if nothing is left there, make it ready to give its result."""
    if owner.frame.closing is None and inside.failure is None:
        spec = owner.node.node.spec
        if isinstance(spec, LoopSpec):
            if not has_enough(spec, inside):
                _begin_iterations(state, owner, inside, spec)
        elif not inside.begun:
            inside.begun = len(owner.node.bodies)
            for name, flow in owner.node.bodies.items():
                _begin(state, owner, inside, _Next(flow, name, {}, state.input_of(owner)))
    if not inside.frames and owner.frame.closing is None:
        owner.stage = Stage.READY
        state.ready.append(owner)


class _Next:
    """What a frame to be begun needs."""

    __slots__ = ("data", "flow", "key", "names")

    def __init__(self, flow: Flow, key: FrameKey, names: JsonObject, data: Json) -> None:
        self.flow, self.key, self.names, self.data = flow, key, names, data


def _begin_iterations(state: State, owner: Visit, inside: Inside, spec: LoopSpec) -> None:
    total = rounds(spec, inside)
    before = int(inside.opening.get(FIRST, 0)) // (spec.batch or 1)
    while inside.begun < total and len(inside.frames) < spec.concurrency and not state.stopping:
        item = item_at(spec, inside, inside.begun)
        index = before + inside.begun
        inside.begun += 1
        names = {"item": item, "index": index}
        if spec.alias:
            names[spec.alias] = item
        _begin(state, owner, inside, _Next(owner.node.bodies[""], index, names, item))


def rounds(spec: LoopSpec, inside: Inside) -> int:
    """How many iterations a loop has been granted."""
    opening = inside.opening
    if "over" not in opening:
        return int(opening["times"] if "times" in opening else opening["rounds"])
    return -(-len(opening["over"]) // (spec.batch or 1))


def item_at(spec: LoopSpec, inside: Inside, index: int) -> Json:
    """What one iteration gets: an item or a batch of them, the number of the iteration, or the result before it."""
    over = inside.opening.get("over")
    if over is not None:
        return over[index] if spec.batch is None else over[index * spec.batch : (index + 1) * spec.batch]
    if "times" in inside.opening:
        return int(inside.opening.get(FIRST, 0)) + index
    return inside.results.get(index - 1)


def _begin(state: State, owner: Visit, inside: Inside, following: _Next) -> None:
    key, around = following.key, owner.frame
    frame = Frame(
        flow=following.flow,
        prefix=f"{owner.path}[{key}]." if isinstance(key, int) else f"{owner.path}.{key}.",
        data=following.data,
        names={**around.names, **following.names},
        outputs=dict(around.outputs),
        owner=owner,
        key=key,
    )
    inside.frames[key] = frame
    begin_frame(state, frame)
