"""What runs, what it gives and what is skipped agrees with a reading of the definition that shares no code."""

import random
from dataclasses import replace

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.model.execution import StepStatus
from tests.unit.engine.properties.claims import holds
from tests.unit.engine.properties.definitions import STEADY, Sample, samples
from tests.unit.engine.properties.driving import driven
from tests.unit.engine.properties.oracle import Oracle
from tests.unit.engine.properties.playing import Playing, play, stored
from tests.unit.engine.properties.reference import Reference

FORWARD = replace(STEADY, cycles=False)


@settings(max_examples=150, phases=(Phase.explicit, Phase.generate), derandomize=True)
@given(samples(FORWARD), st.integers(0, 10_000))
def test_exactly_what_lies_on_live_paths_runs_and_gives_what_it_should(flow: Sample, seed: int) -> None:
    holds(check_reference, flow, seed, seed + 1)


def check_reference(flow: Sample, seed: int) -> None:
    oracle = Oracle(seed)
    reference = Reference(oracle)
    output = reference.flow(flow.document, "", oracle.data())

    hub = driven(flow, oracle, random.Random(seed), faults=3 if "unrepeatable" not in repr(flow) else 0)
    shuffled = play(Playing(flow, oracle, random.Random(seed)))

    assert hub.end is not None
    assert hub.end.output == output
    assert shuffled.state.root.result() == output
    assert shuffled.state.root.skipped == {key for key in flow.document["nodes"] if key not in reference.ran}
    taken = {path: set(ports) for path, (ports, _) in reference.ran.items()}
    for rows in (hub.rows, shuffled.records):
        ended = [row for row in stored(rows) if row.ports]
        assert {row.path: set(row.ports) for row in ended} == taken
        outputs = {row.path: row.output for row in ended if row.status is StepStatus.SUCCEEDED and row.output}
        assert outputs == {path: reference.ran[path][1] for path in outputs}
