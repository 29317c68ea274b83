"""The lines of a trace in the order in which people read them: what is inside a loop or branch stands below it.

Of a long loop only the first iterations, some that failed and the last one are shown, with how many lie in between.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.endings import enclosing
from engine.model.execution import StepStatus
from gateway.trace_steps import TraceStep

FIRST: Final = 2
FAILED: Final = 5
FOLDED_FROM: Final = 9
"""A loop with at least so many iterations is folded."""

_LOOSE: Final = ("finally.", ".undo")
_INDEX: Final = re.compile(r"\[(\d+)\]")
_BROKEN: Final = (StepStatus.FAILED.value, StepStatus.UNKNOWN.value)
_OPEN: Final = (StepStatus.RUNNING.value, StepStatus.WAITING.value, StepStatus.RETRYING.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, ``depth`` levels deep: a step, a node without one (``absent`` says why), or ``more`` iterations."""

    depth: int
    label: str
    step: TraceStep | None = None
    absent: str = ""
    more: int = 0


@dataclass(slots=True)
class _Place:
    """A path with the attempts at it, and the places inside it in the order of their first steps."""

    path: str
    steps: list[TraceStep] = field(default_factory=list)
    inside: list["_Place"] = field(default_factory=list)


def lines(steps: Sequence[TraceStep], *, whole: bool = False) -> list[Line]:
    """Order steps, given in the order in which they were recorded; ``whole``: fold nothing."""
    places = {step.path: _Place(step.path) for step in steps}
    outermost: list[_Place] = []
    for step in steps:
        place = places[step.path]
        if not place.steps:
            around = _around(step.path, places)
            (outermost if around is None else around.inside).append(place)
        place.steps.append(step)
    _by_first_step(outermost, {step.path: number for number, step in reversed([*enumerate(steps)])})
    found: list[Line] = []
    for place in outermost:
        found += _lines_of(place, 0, place.path, whole=whole)
    return found


def chosen(indexes: Sequence[int], broken: Sequence[int]) -> list[int]:
    """The iterations that are shown of a long loop, given all there are and those that failed, in their order."""
    return sorted({*indexes[:FIRST], *broken[:FAILED], *indexes[-1:]})


def _around(path: str, places: Mapping[str, _Place]) -> _Place | None:
    """The place of the loop or parallel node that a step is in; what comes after the work stands by itself."""
    if path.endswith(_LOOSE[1]):
        return None
    return next((places[each] for each in enclosing(path) if each in places), None)


def _by_first_step(places: list[_Place], first: Mapping[str, int]) -> int:
    """Sort places by the first step in or at them; return the first of all."""
    begun = {id(place): min(first[place.path], _by_first_step(place.inside, first)) for place in places}
    places.sort(key=lambda place: begun[id(place)])
    return min(begun.values(), default=len(first))


def _lines_of(place: _Place, depth: int, label: str, *, whole: bool) -> Iterator[Line]:
    for step in place.steps:
        yield Line(depth=depth, label=label, step=step)
    last = place.steps[-1]
    iterations = _iterations(place)
    if iterations:
        yield from _loop_lines(place, iterations, depth + 1, whole=whole)
        return
    for inner in place.inside:
        yield from _lines_of(inner, depth + 1, _beyond(place, inner), whole=whole)
    yield from _absent_lines(place, last, depth + 1)


def _loop_lines(place: _Place, iterations: Mapping[int, list[_Place]], depth: int, *, whole: bool) -> Iterator[Line]:
    indexes = sorted(iterations)
    first = place.steps[-1].first
    begun = max(indexes[-1] + 1, first + place.steps[-1].begun)
    if not whole and begun - first >= FOLDED_FROM:
        broken = [index for index in indexes if any(_is_broken(each) for each in iterations[index])]
        indexes = chosen(indexes, broken)
    following = first
    for index in indexes:
        if index > following:
            yield Line(depth=depth, label="", more=index - following)
        for inner in iterations[index]:
            yield from _lines_of(inner, depth, _beyond(place, inner), whole=whole)
        following = index + 1
    if begun > following:
        yield Line(depth=depth, label="", more=begun - following)


def _iterations(place: _Place) -> dict[int, list[_Place]]:
    found: dict[int, list[_Place]] = {}
    for inner in place.inside:
        match = _INDEX.match(inner.path, len(place.path))
        if match is not None:
            found.setdefault(int(match[1]), []).append(inner)
    return found


def _absent_lines(place: _Place, last: TraceStep, depth: int) -> Iterator[Line]:
    """The nodes of branches that no step is recorded of."""
    seen = {_beyond(place, inner).partition("#")[0]: inner for inner in place.inside}
    for label in last.inner:
        if label in seen:
            continue
        branch = [
            inner.steps[-1].status for key, inner in seen.items() if key.startswith(label.partition(".")[0] + ".")
        ]
        if last.status in _OPEN:
            why = "still to come"
        elif not branch or any(status != StepStatus.SUCCEEDED.value for status in branch):
            why = "did not run"
        else:
            why = "not on the path"
        yield Line(depth=depth, label=label, absent=why)


def _beyond(place: _Place, inner: _Place) -> str:
    """A path without that of the step around it: ``[3].charge``, ``left.call``."""
    return inner.path[len(place.path) :].removeprefix(".")


def _is_broken(place: _Place) -> bool:
    last = place.steps[-1]
    return last.status in _BROKEN and not last.ports
