"""Stop nodes: end the execution here, whatever else is under way."""

from engine.errors import Category
from engine.model.execution import Failure
from engine.model.node import StopSpec
from engine.model.outcome import Failed, Succeeded
from engine.nodes.base import Attempt

CODE = "stopped"


def run(attempt: Attempt) -> Succeeded | Failed:
    """End as ``succeeded`` with the output, or as ``failed`` with the message."""
    node = attempt.node
    spec = node.node.spec
    assert isinstance(spec, StopSpec)  # noqa: S101  the definition's kinds and specs go together
    if spec.succeeded:
        return Succeeded(output=node.templates["output"].render(attempt.scope, strict=node.node.strict), ports=())
    message = node.templates["message"].render(attempt.scope, strict=node.node.strict)
    text = str(message or f'stopped at "{node.key}"')[:2000]
    return Failed(failure=Failure(code=CODE, message=text, category=Category.BUSINESS, step=attempt.visit.path))
