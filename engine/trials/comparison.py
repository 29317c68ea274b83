"""What a trial did beside what was done: step by step, with a verdict, a sentence, and the places that differ."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from engine.graph import Graph
from engine.model.execution import StepRecord, StepStatus
from engine.model.node import ConnectorSpec, NodeKind
from engine.nodes import PURE
from engine.trials.answers import AnsweredBy, SeenCall
from engine.trials.places import Placed, nodes_by_place
from engine.trials.value_diff import ValueChange, value_changes

Places: TypeAlias = Mapping[str, Placed]


class Verdict(StrEnum):
    """What became of a step, the gravest difference first."""

    NEWLY_CALLED = "newly_called"
    NO_LONGER_CALLED = "no_longer_called"
    OTHER_INPUTS = "other_inputs"
    OTHER_ENDING = "other_ending"
    OTHER_PATH = "other_path"
    NEWLY_RUN = "newly_run"
    NO_LONGER_RUN = "no_longer_run"
    OUTPUT_CHANGED = "output_changed"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side knows of a step: its last attempt, and the call it made or would make."""

    record: StepRecord
    call: SeenCall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepComparison:
    """One step on both sides; ``before`` is what was done, ``after`` what the trial did.

    ``inputs`` and ``output`` are the places inside those values that differ.
    """

    path: str
    node: str
    verdict: Verdict
    text: str
    before: Side | None
    after: Side | None
    inputs: Sequence[ValueChange] = ()
    output: Sequence[ValueChange] = ()

    @property
    def unanswered(self) -> bool:
        """Whether the trial would have needed an answer that it had not."""
        call = self.after.call if self.after is not None else None
        return call is not None and call.answered_by is AnsweredBy.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The steps of one side with its calls and the graph that they follow."""

    graph: Graph | None
    steps: Sequence[StepRecord]
    calls: Mapping[tuple[str, int], SeenCall]

    def sides(self) -> dict[str, Side]:
        """The last attempt of every visit, in the order of the first ones."""
        last: dict[str, StepRecord] = {}
        for step in self.steps:
            if not step.is_mark:
                last[step.path] = step
        return {path: Side(record=step, call=self.calls.get((path, step.attempt))) for path, step in last.items()}


def compare_steps(before: Told, after: Told) -> Sequence[StepComparison]:
    """Return every step of either side once: those of the trial in their order, then those that it left out."""
    done, would = before.sides(), after.sides()
    places = nodes_by_place(before.graph), nodes_by_place(after.graph)
    found = [_compared(path, done.get(path), side, places=places) for path, side in would.items()]
    left = (path for path in done if path not in would)
    return (*found, *(_compared(path, done[path], None, places=places) for path in left))


QUIET: Final = frozenset(kind for kind in NodeKind if kind.value in ("code", "wait", "approval"))
"""Kinds that are no pure nodes and call nothing outside all the same."""

COUNTED: Final[Mapping[Verdict, str]] = {
    Verdict.NEWLY_CALLED: "newly called",
    Verdict.NO_LONGER_CALLED: "no longer called",
    Verdict.OTHER_INPUTS: "called with other inputs",
    Verdict.OTHER_ENDING: "ending otherwise",
    Verdict.OTHER_PATH: "leaving by another port",
    Verdict.NEWLY_RUN: "newly run",
    Verdict.NO_LONGER_RUN: "no longer run",
    Verdict.OUTPUT_CHANGED: "giving something else",
}


def summary(steps: Sequence[StepComparison]) -> str:
    """Say in one line how much differs."""
    counts = Counter(step.verdict for step in steps)
    told = [f"{counts[verdict]} {words}" for verdict, words in COUNTED.items() if counts[verdict]]
    waiting = sum(step.unanswered for step in steps)
    if waiting:
        told.append(f"{waiting} without a recorded answer")
    return ", ".join(told) or "every step is the same"


def _compared(path: str, before: Side | None, after: Side | None, *, places: tuple[Places, Places]) -> StepComparison:
    side = after or before
    assert side is not None  # noqa: S101  every path comes from one of the sides
    node = side.record.node
    inputs = _input_changes(before, after)
    output: Sequence[ValueChange] = ()
    if before is not None and after is not None and _ended_alike(before, after):
        output = value_changes(before.record.output, after.record.output)
    verdict, text = next(_verdicts(before, after, inputs=inputs, output=output, places=places))
    if after is not None and after.call is not None and after.call.answered_by is AnsweredBy.NOBODY:
        text = f"{text}; no recorded answer"
    return StepComparison(
        path=path, node=node, verdict=verdict, text=text, before=before, after=after, inputs=inputs, output=output
    )


def _verdicts(
    before: Side | None,
    after: Side | None,
    *,
    inputs: Sequence[ValueChange],
    output: Sequence[ValueChange],
    places: tuple[Places, Places],
) -> Iterator[tuple[Verdict, str]]:
    """Yield what can be said of a step, the gravest first; the last one always fits."""
    old, new = places
    if before is None and after is not None:
        if _calls(new, after):
            yield Verdict.NEWLY_CALLED, f"would be called, which it was not: {_what(new, after)}"
        yield Verdict.NEWLY_RUN, "runs now, which it did not"
    if before is not None and after is None:
        if _calls(old, before):
            yield Verdict.NO_LONGER_CALLED, f"would not be called any more: {_what(old, before)}"
        yield Verdict.NO_LONGER_RUN, "does not run any more"
    if before is None or after is None:
        return
    if inputs:
        yield Verdict.OTHER_INPUTS, f"would be called with other inputs: {_places(inputs)}"
    if not _ended_alike(before, after) and not _waits_for_answer(after):
        yield Verdict.OTHER_ENDING, f"{_ending(after.record)} instead of {_ending(before.record)}"
    if before.record.ports != after.record.ports and not _waits_for_answer(after):
        yield Verdict.OTHER_PATH, f"leaves by {_ports(after.record)} instead of {_ports(before.record)}"
    if output:
        yield Verdict.OUTPUT_CHANGED, f"gives something else: {_places(output)}"
    yield Verdict.SAME, "same"


def _input_changes(before: Side | None, after: Side | None) -> Sequence[ValueChange]:
    if before is None or after is None or before.call is None or after.call is None:
        return ()
    return value_changes(before.call.inputs, after.call.inputs)


def _calls(places: Places, side: Side) -> bool:
    """Whether a step calls something outside; a node of a version that cannot be read is taken for one that does."""
    placed = places.get(side.record.node)
    if placed is None:
        return side.call is not None
    kind = placed.node.kind
    return kind not in PURE and kind not in QUIET and side.record.note is None


def _what(places: Places, side: Side) -> str:
    placed = places.get(side.record.node)
    if placed is None:
        return side.record.node
    spec = placed.node.node.spec
    return spec.use if isinstance(spec, ConnectorSpec) else placed.node.kind.value


def _ended_alike(before: Side, after: Side) -> bool:
    one, other = before.record, after.record
    if one.status is not other.status:
        return False
    return (one.error and one.error.code) == (other.error and other.error.code)


def _waits_for_answer(side: Side) -> bool:
    return side.call is not None and side.call.answered_by is AnsweredBy.NOBODY


def _ending(record: StepRecord) -> str:
    if record.status is StepStatus.SUCCEEDED:
        return "succeeded"
    return f"{record.status.value} ({record.error.code})" if record.error is not None else record.status.value


def _ports(record: StepRecord) -> str:
    return ", ".join(record.ports) or "none"


def _places(changes: Sequence[ValueChange]) -> str:
    """Name the first three places that differ."""
    names = [change.path or "the whole value" for change in changes[:3]]
    more = len(changes) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
