"""Switch nodes: leave by the port of the first case that holds, or of all that hold."""

from engine.expressions import truthy
from engine.model.node import SwitchSpec
from engine.model.outcome import Succeeded
from engine.nodes.base import Attempt

DEFAULT = "default"


def run(attempt: Attempt) -> Succeeded:
    """Evaluate the cases in order; ``default`` is taken when none holds."""
    node = attempt.node
    spec = node.node.spec
    assert isinstance(spec, SwitchSpec)  # noqa: S101  the definition's kinds and specs go together
    ports: list[str] = []
    for case, test in zip(spec.cases, node.tests, strict=True):
        if truthy(test.evaluate(attempt.scope, strict=node.node.strict)):
            ports.append(case.port)
            if not spec.all_matching:
                break
    return Succeeded(output=attempt.input, ports=tuple(dict.fromkeys(ports)) or (DEFAULT,))
