"""The drive under random definitions and faults: it always comes to an end, and no call is made once too often."""

import random
from collections import defaultdict

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.endings import enclosing
from engine.model.action import Effect
from engine.model.execution import StepRecord
from engine.planner import apply, begin
from tests.unit.engine.properties.claims import holds
from tests.unit.engine.properties.definitions import ANY, STEADY, Sample, samples
from tests.unit.engine.properties.driving import Hub, Made, driven
from tests.unit.engine.properties.oracle import Oracle
from tests.unit.engine.properties.playing import TERMINAL, stored

PHASES = (Phase.explicit, Phase.generate)
SEEDS = st.integers(0, 10_000)
BROKEN = ("corrupt_history", "not_runnable", "internal_error")


@settings(max_examples=120, phases=PHASES, derandomize=True)
@given(samples(ANY), SEEDS)
def test_every_execution_ends_whatever_strikes_its_owners(flow: Sample, seed: int) -> None:
    holds(check_faults, flow, seed, seed + 1)


def check_faults(flow: Sample, seed: int) -> None:
    hub = driven(flow, Oracle(seed), random.Random(seed), faults=3)
    check_end(flow, hub)
    check_calls(hub)


@settings(max_examples=120, phases=PHASES, derandomize=True)
@given(samples(STEADY), SEEDS)
def test_faults_change_nothing_but_calls_that_may_have_happened(flow: Sample, seed: int) -> None:
    holds(check_same, flow, seed, seed + 1)


def check_same(flow: Sample, seed: int) -> None:
    calm = driven(flow, Oracle(seed), random.Random(seed), faults=0)
    struck = driven(flow, Oracle(seed), random.Random(seed), faults=3)

    assert calm.end is not None
    fails = calm.end.error is not None  # a cycle that went on: which of the others got how far is open
    if not fails and not any(made.effect is Effect.UNREPEATABLE for made in calm.made):
        assert done(struck.rows) == done(calm.rows)
        assert (struck.end and struck.end.output) == calm.end.output


def done(rows: list[StepRecord]) -> dict[str, object]:
    """What each attempt came to, whenever it did."""
    return {f"{row.path} {row.attempt}": (row.status, row.ports, row.output, row.assigned) for row in stored(rows)}


def check_end(flow: Sample, hub: Hub) -> None:
    assert hub.end is not None
    assert hub.end.error is None or hub.end.error.code not in BROKEN, hub.end.error
    rows = stored(hub.rows)
    last = {row.path: row for row in rows}
    ended = [row.path for row in rows if row.status in TERMINAL]
    assert len(ended) == len(set(ended)), "a step was recorded twice"
    standing = [path for path, row in last.items() if row.status not in TERMINAL]
    assert [path for path in standing if not any(around in last for around in enclosing(path))] == []
    folded = begin(flow.graph, "t", hub.oracle.data())
    for row in rows:
        apply(folded, row)


def check_calls(hub: Hub) -> None:
    """An unrepeatable call is made once; another again only after a fault, with the same key."""
    by_attempt: dict[tuple[str, int], list[Made]] = defaultdict(list)
    for made in hub.made:
        by_attempt[made.path, made.attempt].append(made)
    repeats = 0
    for calls in by_attempt.values():
        assert len({made.key for made in calls}) == 1
        assert len({made.epoch for made in calls}) == len(calls), "one owner made a call twice"
        assert len(calls) == 1 or calls[0].effect is not Effect.UNREPEATABLE, f"{calls[0].path} was made twice"
        repeats = max(repeats, len(calls) - 1)
    assert repeats <= len(hub.faults)
