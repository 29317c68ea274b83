"""The planner under random definitions: every execution ends, and its records tell all there is to know."""

import random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.closing import conclude
from engine.planner import apply, begin, wake
from tests.unit.engine.properties.claims import holds
from tests.unit.engine.properties.definitions import ANY, Sample, samples
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


def check_end(end: Playing) -> None:
    state = end.state
    finished = [record.path for record in stored(end.records) if record.status in TERMINAL]
    assert len(set(finished)) == len(finished)
    if state.ending is None:
        assert not state.pending
        assert not state.root.gatherings


@settings(max_examples=200, phases=PHASES, derandomize=True)
@given(samples(ANY), SEEDS)
def test_the_records_tell_the_whole_state_at_every_point(flow: Sample, seed: int) -> None:
    holds(check_fold, flow, seed, seed + 1)


def check_fold(flow: Sample, seed: int) -> None:
    playing = Playing(flow, Oracle(seed), random.Random(seed))
    looks = random.Random(seed)
    going = True
    while going:
        state = playing.state
        if looks.random() < 0.3 and state.ending is None:
            folded = begin(flow.graph, "t", playing.oracle.data())
            for record in stored(playing.records):
                apply(folded, record)
            wake(folded, playing.now_is)
            while folded.phase is not state.phase:
                assert conclude(folded), f"the records do not lead to the phase {state.phase}"
            assert difference(snapshot(folded), snapshot(state)) == []
        going = playing.step()
