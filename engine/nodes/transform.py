"""Transform nodes: build a new value from what is there."""

from engine.model.outcome import Succeeded
from engine.nodes.base import Attempt


def run(attempt: Attempt) -> Succeeded:
    """Render the template."""
    node = attempt.node
    return Succeeded(output=node.templates["template"].render(attempt.scope, strict=node.node.strict))
