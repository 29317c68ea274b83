"""Loop nodes: say how often the body runs, and give the results of its iterations in order."""

from typing import Final

from engine.bodies import SPREAD, has_enough, rounds
from engine.errors import InvalidInput, LimitExceeded
from engine.expressions import truthy
from engine.model.base import Json, JsonObject
from engine.model.node import LoopSpec
from engine.model.outcome import Failed, Opened, Succeeded
from engine.nodes.base import Attempt
from engine.state import Inside

MOST_ITERATIONS: Final = 1_000_000


def run(attempt: Attempt) -> Opened | Succeeded | Failed:
    """Open the loop, grant a ``while`` loop another round, or end it.

    Raises:
        InvalidInput: ``over`` gave no list or mapping, or ``times`` no number.
        LimitExceeded: There are more iterations than allowed.
    """
    spec = attempt.node.node.spec
    assert isinstance(spec, LoopSpec)  # noqa: S101  the definition's kinds and specs go together
    inside = attempt.visit.inside
    if inside is not None and inside.failure is not None:
        return Failed(failure=inside.failure)
    if inside is not None and has_enough(spec, inside):
        return Succeeded(output=_results(inside))
    if spec.test is not None:
        done = rounds(spec, inside) if inside else 0
        if _holds(attempt, spec, inside, done):
            return Opened(opening={"rounds": done + 1})
    elif inside is None:
        return Opened(opening=attempt.part or _opening(attempt, spec))
    return Succeeded(output=_results(inside) if inside else [])


def _results(inside: Inside) -> list[Json]:
    return [inside.results[key] for key in sorted(inside.results, key=int)]


def _holds(attempt: Attempt, spec: LoopSpec, inside: Inside | None, done: int) -> bool:
    item = inside.results.get(done - 1) if inside else None
    scope = {**attempt.scope, "item": item, "index": done}
    if spec.alias:
        scope[spec.alias] = item
    if not truthy(attempt.node.tests[0].evaluate(scope, strict=attempt.node.node.strict)):
        return False
    if done >= attempt.max_iterations:
        raise LimitExceeded(
            f'"{attempt.visit.path}" had {done} rounds and its condition still holds; the limit is '
            "settings.max_iterations"
        )
    return True


def _opening(attempt: Attempt, spec: LoopSpec) -> JsonObject:
    strict = attempt.node.node.strict
    if spec.times is not None:
        times = attempt.node.templates["times"].render(attempt.scope, strict=strict)
        count = _count(attempt, times)
        return _spread(attempt, spec, {"times": count}, count)
    over = attempt.node.templates["over"].render(attempt.scope, strict=strict)
    if isinstance(over, dict):
        over = [{"key": key, "value": value} for key, value in over.items()]
    if not isinstance(over, list):
        raise InvalidInput(f'"{attempt.visit.path}" needs a list in "over", and got {_kind(over)}')
    return _spread(attempt, spec, {"over": over}, _count(attempt, len(over)))


def _spread(attempt: Attempt, spec: LoopSpec, opening: JsonObject, count: int) -> JsonObject:
    """Say how many items each part gets, where there are more than one execution is to run."""
    if spec.spread_over is None or count <= spec.spread_over or not attempt.spreads:
        return opening
    batch = spec.batch or 1
    return {**opening, SPREAD: max(spec.spread_over // batch, 1) * batch}


def _count(attempt: Attempt, value: Json) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidInput(f'"{attempt.visit.path}" needs a whole number from 0 in "times", and got {value!r:.80}')
    if value > MOST_ITERATIONS:
        raise LimitExceeded(f'"{attempt.visit.path}" has {value} iterations; the limit is {MOST_ITERATIONS}')
    return value


def _kind(value: Json) -> str:
    return "null" if value is None else f"{value!r:.80}"
