"""A debugged execution as it stands."""

from typing import Any

from msgspec import Struct

from engine.debugging.looking import Ahead, Look
from engine.model.debugging import When
from engine.model.execution import Status
from engine.model.node import NodeKind
from gateway.views.steps import StepView, step_view


class BreakpointView(Struct, frozen=True, kw_only=True, rename={"condition": "if"}):
    """Where an execution stops."""

    node: str
    when: When
    condition: str | None


class PositionView(Struct, frozen=True, kw_only=True):
    """Where an execution stands."""

    when: When
    path: str
    node: str


class AheadView(Struct, frozen=True, kw_only=True):
    """A node that has not ended. ``input`` is what it would see under that name, ``inputs`` what its fields render to.

    ``error`` is what it would fail with; ``waits``: it has begun and waits.
    """

    path: str
    node: str
    kind: NodeKind
    input: Any
    inputs: Any
    error: dict[str, Any] | None
    waits: bool


class DebugView(Struct, frozen=True, kw_only=True):
    """An execution as a debugger shows it; ``position`` is `null` unless it stands at a breakpoint.

    ``trigger``, ``outputs``, ``vars`` and ``names`` (such as `item` in a loop) are what is seen there, ``steps`` the
    last 200 records, and all marks of stops and edits.
    """

    execution_id: str
    status: Status
    wait_reason: str | None
    position: PositionView | None
    stepping: bool
    breakpoints: list[BreakpointView]
    ahead: list[AheadView]
    trigger: Any
    outputs: dict[str, Any]
    vars: dict[str, Any]
    names: dict[str, Any]
    steps: list[StepView]


def debug_view(look: Look) -> DebugView:
    at = look.position
    points = [
        BreakpointView(node=each.node, when=each.when, condition=each.condition) for each in look.plan.breakpoints
    ]
    return DebugView(
        execution_id=look.execution.id,
        status=look.execution.status,
        wait_reason=look.execution.wait_reason,
        position=None if at is None else PositionView(when=at.when, path=at.path, node=at.node),
        stepping=look.plan.stepping,
        breakpoints=points,
        ahead=[_ahead(each) for each in look.ahead],
        trigger=look.trigger,
        outputs=dict(look.steps),
        vars=dict(look.variables),
        names=dict(look.names),
        steps=[step_view(record) for record in look.records],
    )


def _ahead(ahead: Ahead) -> AheadView:
    return AheadView(
        path=ahead.path,
        node=ahead.node,
        kind=ahead.kind,
        input=ahead.input,
        inputs=ahead.inputs,
        error=None if ahead.error is None else ahead.error.as_json(),
        waits=ahead.waits,
    )
