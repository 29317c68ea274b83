"""Runs one probe and says what came out of it, and how long and how much memory it took at most."""

import time
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ExpressionError
from engine.expressions import compile_expression, compile_template
from engine.expressions.expression import _compile

MAX_SECONDS = 0.050
MAX_BYTES = 32 * 1024 * 1024
_REPEATS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """``value`` is the result, or the error's message with ``refused`` set."""

    value: Any
    refused: bool
    seconds: float
    peak_bytes: int


def measure(text: Any, scope: Mapping[str, Any], *, template: bool = False) -> Measured:
    """Compile and evaluate, always afresh; anything but a value or an ``ExpressionError`` goes through.

    Time is the processor's, without the tracing that slows allocation down, and the best of some runs: other
    processes can only make a run slower, while a bomb is slow each time.
    """

    def probe() -> tuple[Any, bool]:
        _compile.cache_clear()
        try:
            if template:
                return compile_template(text).render(scope), False
            return compile_expression(text).evaluate(scope), False
        except ExpressionError as error:
            return str(error), True

    value, refused = probe()
    return Measured(value=value, refused=refused, seconds=_fastest(probe), peak_bytes=_peak(probe))


def _fastest(probe: Callable[[], object]) -> float:
    """Repeat only what was slow: the first quick run proves enough."""
    best = _timed(probe)
    for _ in range(_REPEATS):
        if best < MAX_SECONDS / 2:
            break
        best = min(best, _timed(probe))
    return best


def _timed(probe: Callable[[], object]) -> float:
    start = time.process_time()
    probe()
    return time.process_time() - start


def _peak(probe: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        probe()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
