"""The properties of the planner and the drive once more, over many more definitions than a commit can wait for."""

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.engine.properties.claims import Check, holds
from tests.unit.engine.properties.definitions import ANY, SAGA, STEADY, Sample, Shape, samples
from tests.unit.engine.properties.test_drive import check_faults, check_same
from tests.unit.engine.properties.test_planner import check_deaths, check_ends, check_fold, check_order
from tests.unit.engine.properties.test_reference import FORWARD, check_reference

CHECKS = [
    pytest.param(check_ends, ANY, id="every execution ends"),
    pytest.param(check_deaths, SAGA, id="what was done is taken back whoever dies"),
    pytest.param(check_deaths, ANY, id="it ends whoever dies"),
    pytest.param(check_fold, ANY, id="the records tell the whole state"),
    pytest.param(check_order, STEADY, id="the order changes nothing"),
    pytest.param(check_reference, FORWARD, id="what runs is what should"),
    pytest.param(check_faults, ANY, id="it ends whatever strikes"),
    pytest.param(check_same, STEADY, id="faults change nothing"),
]


@pytest.mark.parametrize(("check", "shape"), CHECKS)
def test_it_holds_for_many_definitions(check: Check, shape: Shape) -> None:
    @settings(max_examples=1000, phases=(Phase.explicit, Phase.generate))
    @given(samples(shape), st.integers(0, 2**40))
    def ask(flow: Sample, seed: int) -> None:
        holds(check, flow, seed)

    ask()
