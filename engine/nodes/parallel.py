"""Parallel nodes: run their branches at once, and give what each of them gave."""

from engine.model.node import ParallelSpec
from engine.model.outcome import Failed, Opened, Succeeded
from engine.nodes.base import Attempt


def run(attempt: Attempt) -> Opened | Succeeded | Failed:
    """Open the branches, or end with the results by branch; a branch that was cancelled has none."""
    spec = attempt.node.node.spec
    assert isinstance(spec, ParallelSpec)  # noqa: S101  the definition's kinds and specs go together
    inside = attempt.visit.inside
    if inside is None:
        return Opened(opening={})
    if inside.failure is not None:
        return Failed(failure=inside.failure)
    return Succeeded(output={name: inside.results[name] for name in spec.branches if name in inside.results})
