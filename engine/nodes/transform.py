"""Transform nodes: build a new value from what is there."""

from engine.list_steps import run_steps
from engine.model.outcome import Succeeded
from engine.nodes.base import Attempt


def run(attempt: Attempt) -> Succeeded:
    """Render the template, or let the steps make a value of the input."""
    node = attempt.node
    strict = node.node.strict
    if node.steps:
        return Succeeded(output=run_steps(node.steps, attempt.input, attempt.scope, strict=strict))
    return Succeeded(output=node.templates["template"].render(attempt.scope, strict=strict))
