"""The planner under random definitions: every execution ends, and its records tell all there is to know."""

import random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.closing import conclude
from engine.errors import StepTimeout
from engine.model.execution import StepRecord, StepStatus
from engine.model.node import LoopSpec, OnItemError, ParallelSpec
from engine.planner import apply, begin, wake
from engine.state import State
from tests.unit.engine.properties.claims import holds
from tests.unit.engine.properties.definitions import ANY, SAGA, STEADY, Sample, samples
from tests.unit.engine.properties.oracle import Oracle
from tests.unit.engine.properties.playing import TERMINAL, Playing, play, stored
from tests.unit.engine.properties.snapshots import difference, snapshot

PHASES = (Phase.explicit, Phase.generate)
SEEDS = st.integers(0, 10_000)


@settings(max_examples=200, phases=PHASES, derandomize=True)
@given(samples(ANY), SEEDS)
def test_every_execution_ends_and_each_visit_once(flow: Sample, seed: int) -> None:
    holds(check_ends, flow, seed, seed + 1, seed + 2)


def check_ends(flow: Sample, seed: int) -> None:
    check_end(play(Playing(flow, Oracle(seed), random.Random(seed))))


@settings(max_examples=200, phases=PHASES, derandomize=True)
@given(samples(ANY), SEEDS)
def test_every_execution_ends_whoever_dies(flow: Sample, seed: int) -> None:
    holds(check_deaths, flow, seed, seed + 1, seed + 2)


def check_deaths(flow: Sample, seed: int) -> None:
    check_end(play(Playing(flow, Oracle(seed), random.Random(seed)), deaths=0.1))


@settings(max_examples=100, phases=PHASES, derandomize=True)
@given(samples(SAGA), SEEDS)
def test_what_was_done_is_taken_back_in_reverse(flow: Sample, seed: int) -> None:
    holds(check_ends, flow, seed, seed + 1)


def check_end(end: Playing) -> None:
    state, rows = end.state, stored(end.records)
    finished = [row.path for row in rows if row.status in TERMINAL]
    assert len(set(finished)) == len(finished)
    check_undos(rows)
    check_losers(end.sample, rows)
    if state.ending is None:
        check_nothing_left(state, rows)


def check_undos(rows: list[StepRecord]) -> None:
    """What was taken back was done, and is taken back in the reverse order."""
    done = [row.path for row in rows if row.status is StepStatus.SUCCEEDED]
    undone = [row.path.removesuffix(".undo") for row in rows if row.node.endswith(".undo") and row.status in TERMINAL]
    assert undone == [path for path in reversed(done) if path in undone]


def check_losers(flow: Sample, rows: list[StepRecord]) -> None:
    """Where enough have succeeded, the others are cancelled and give nothing."""
    for path, spec in flow.graph.containers().items():
        for row in (row for row in rows if row.node == path and row.status is StepStatus.SUCCEEDED and not row.note):
            if isinstance(spec, ParallelSpec):
                assert len(row.output) == (spec.needed or len(spec.branches))
            elif isinstance(spec, LoopSpec) and spec.needed is not None and spec.on_item_error is OnItemError.SKIP:
                assert len(row.output) <= spec.needed


def check_nothing_left(state: State, rows: list[StepRecord]) -> None:
    """Every node ran or was skipped, nothing is awaited, and what had begun has ended or was cancelled."""
    assert not state.pending
    assert not state.root.gatherings
    assert set(state.root.visits) | state.root.skipped == set(state.root.flow.nodes)
    assert not set(state.root.visits) & state.root.skipped
    last = {row.path: row.status for row in rows}
    assert {path for path, status in last.items() if status not in TERMINAL} == set()


@settings(max_examples=100, phases=PHASES, derandomize=True)
@given(samples(STEADY), SEEDS)
def test_the_order_in_which_steps_end_does_not_change_what_they_come_to(flow: Sample, seed: int) -> None:
    holds(check_order, flow, seed, seed + 1)


def check_order(flow: Sample, seed: int) -> None:
    one, other = (play(Playing(flow, Oracle(seed), random.Random(number))) for number in (seed, seed + 1))

    if one.state.ending is None:  # else a cycle went on for too long, and what else had happened by then is open
        assert attempts(one) == attempts(other)
        assert one.state.root.result() == other.state.root.result()
        assert one.state.variables["total"] == other.state.variables["total"]
        for name in ("log", "seen"):
            assert sorted(map(repr, one.state.variables[name])) == sorted(map(repr, other.state.variables[name]))


def attempts(end: Playing) -> dict[str, object]:
    return {
        f"{row.path} {row.attempt}": (row.status, row.ports, row.output, row.assigned) for row in stored(end.records)
    }


@settings(max_examples=200, phases=PHASES, derandomize=True)
@given(samples(ANY), SEEDS)
def test_the_records_tell_the_whole_state_at_every_point(flow: Sample, seed: int) -> None:
    holds(check_fold, flow, seed, seed + 1)


def is_closing_in_time(state: State) -> bool:
    """Whether something open is out of time: a drive cancels what is inside and ends it without a commit in between."""
    insides = [visit.inside for visit in state.pending.values() if visit.inside is not None]
    return any(inside.failure is not None and inside.failure.code == StepTimeout.code for inside in insides)


def check_fold(flow: Sample, seed: int) -> None:
    playing = Playing(flow, Oracle(seed), random.Random(seed))
    looks = random.Random(seed)
    going = True
    while going:
        state = playing.state
        if looks.random() < 0.3 and state.ending is None and not is_closing_in_time(state):
            folded = begin(flow.graph, "t", playing.oracle.data())
            for record in stored(playing.records):
                apply(folded, record)
            wake(folded, playing.now_is)
            while folded.phase is not state.phase:
                assert conclude(folded), f"the records do not lead to the phase {state.phase}"
            assert difference(snapshot(folded), snapshot(state)) == []
        going = playing.step()
