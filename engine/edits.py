"""What a person changed while an execution stood at a breakpoint, as a part of the fold over its records.

Like ``engine.planner``, which calls it, this is pure: whoever folds the records gets the same state.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from engine.model.base import Json
from engine.model.debugging import marked_path
from engine.model.execution import StepRecord
from engine.state import Frame, State, Token


def edit(state: State, record: StepRecord) -> None:
    """Change the state as a mark says: variables, the input of a visit that has not ended, or the output of a step."""
    if record.assigned is not None:
        state.variables.update(record.assigned)
        return
    path = marked_path(record.path)
    visit = state.pending.get(path)
    if visit is not None:
        visit.given = (record.output,)
        return
    frame = frame_at(state, path)
    key = path.removeprefix(frame.prefix).partition("#")[0]
    _give_out(frame, key, record.output)
    if path in frame.ends:
        frame.ends[path] = record.output
    for inner in frames_of(frame):
        if key not in inner.flow.nodes:
            inner.outputs[key] = record.output


def frame_at(state: State, path: str) -> Frame:
    """The frame that a visit belongs to, also one that has ended; the outermost one if its own is over."""
    visit = state.pending.get(path)
    if visit is not None:
        return visit.frame
    prefix = path[: path.rfind(".") + 1]
    begun = (each.frame for each in state.pending.values())
    return next((frame for frame in chain(frames_of(state.root), begun) if frame.prefix == prefix), state.root)


def frames_of(frame: Frame) -> Iterator[Frame]:
    """The frames inside a frame, at any depth, without itself."""
    for visit in frame.under_way.values():
        if visit.inside is not None:
            for inner in visit.inside.frames.values():
                yield inner
                yield from frames_of(inner)


def _give_out(frame: Frame, key: str, output: Json) -> None:
    """Let everybody in a frame who has not begun yet see another output of a node."""
    frame.outputs[key] = output

    def changed(token: Token) -> Token:
        return replace(token, output=output) if token.live and token.source == key else token

    for visit in frame.under_way.values():
        visit.arrivals = tuple(changed(token) for token in visit.arrivals)
    for queue in frame.queues.values():
        for place, token in enumerate(queue):
            queue[place] = changed(token)
    for gathering in frame.gatherings.values():
        gathering.tokens.update({index: changed(token) for index, token in gathering.tokens.items()})
