"""No expression and no data may raise anything but our error, take over 50 ms, or allocate over 32 MiB.

Each probe is compiled and evaluated afresh, against several megabytes of hostile data.
"""

import gc
import math
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.security.hostile import SCOPE
from tests.security.measure import MAX_BYTES, MAX_SECONDS, measure
from tests.security.probes import ATTRIBUTES, HARMLESS, MEMORY, REFUSED, SYNTAX, TEMPLATES, TIME

PLAIN = (str, int, float, bool, list, dict, type(None))


def named(group: str, probes: Iterable[tuple[Any, Any]]) -> list[Any]:
    return [pytest.param(*probe, id=f"{group}-{str(probe[0])[:40]!a}") for probe in probes]


@pytest.fixture(scope="module", autouse=True)
def frozen_scope() -> Iterator[None]:
    """Keep the collector from walking the megabytes of hostile data again and again on behalf of a probe."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


EXPRESSIONS = [
    *named("attributes", ATTRIBUTES),
    *named("memory", MEMORY),
    *named("time", TIME),
    *named("syntax", SYNTAX),
]


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_an_attack_by_expression_comes_to_nothing(text: str, expected: Any) -> None:
    check(text, expected, template=False)


@pytest.mark.parametrize(("value", "expected"), named("templates", TEMPLATES))
def test_an_attack_by_template_comes_to_nothing(value: Any, expected: Any) -> None:
    check(value, expected, template=True)


def test_the_suite_holds_at_least_the_promised_number_of_probes() -> None:
    assert len(EXPRESSIONS) + len(TEMPLATES) >= 300


def test_the_cost_of_a_lookup_does_not_grow_with_the_document() -> None:
    small = measure("trigger.data.text == 'abc'", {"trigger": {"data": {"text": "abc"}}})
    large = measure("trigger.data.text == 'abc'", SCOPE)

    assert large.value is small.value is True
    assert large.peak_bytes < small.peak_bytes + 10_000


def check(text: Any, expected: Any, *, template: bool) -> None:
    found = measure(text, SCOPE, template=template)

    assert found.seconds < MAX_SECONDS
    assert found.peak_bytes < MAX_BYTES
    if expected == REFUSED:
        assert found.refused, f"evaluated to {str(found.value)[:80]}"
        assert len(found.value) < 700
    elif expected == HARMLESS:
        assert type(found.value) in PLAIN
        assert not isinstance(found.value, float) or math.isfinite(found.value)
    else:
        assert not found.refused, found.value
        assert found.value == expected
