"""Condition nodes: leave by ``true`` or ``false``, the input unchanged."""

from engine.expressions import truthy
from engine.model.outcome import Succeeded
from engine.nodes.base import Attempt

TRUE = ("true",)
FALSE = ("false",)


def run(attempt: Attempt) -> Succeeded:
    """Evaluate the test."""
    node = attempt.node
    holds = truthy(node.tests[0].evaluate(attempt.scope, strict=node.node.strict))
    return Succeeded(output=attempt.input, ports=TRUE if holds else FALSE)
